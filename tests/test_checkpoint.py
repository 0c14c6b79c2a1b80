"""Files are written whole or not at all, and a file that is not what it should be is refused."""

import copy
import errno
import json
import os
import re
from dataclasses import asdict
from email.message import Message
from functools import partial
from unittest.mock import Mock

import pytest
import torch
from draws import same, seeded, shaken, weights

from diffenc_lite import pretrained
from diffenc_lite.evaluation import evaluate
from diffenc_lite.files import write_whole
from diffenc_lite.model import ENCODERS, ModelConfig, build
from diffenc_lite.pretrained import load_model, load_pretrained, read_card, save_model, start_from
from diffenc_lite.pretrained.signature import signature

CARD = {"data": "points", "updates": 7, "seed": 3, "bits_per_dim": 6.5, "standard_error": 0.25}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return shaken(build(ModelConfig("learned", "tiny", "learned", shape=(2,))))


@pytest.fixture
def saved(model, tmp_path):
    save_model(model, tmp_path / "m-0.5", CARD)
    return tmp_path / "m-0.5"


# ---- writing -------------------------------------------------------------------------------------

NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("error", [NO_SPACE, KeyboardInterrupt()])
def test_a_failed_write_keeps_what_was_there(tmp_path, monkeypatch, moment, error):
    path = tmp_path / "new" / "folder" / "file"
    write_whole(path, b"before")
    monkeypatch.setattr(os, moment, Mock(side_effect=error))
    with pytest.raises(type(error)) as caught:
        write_whole(path, b"after")
    if error is NO_SPACE:
        assert caught.value.errno == errno.ENOSPC and "cannot write " in str(caught.value)
    assert [(p.name, p.read_bytes()) for p in path.parent.iterdir()] == [("file", b"before")]


def test_what_is_no_file_is_left_alone_and_a_link_stays_one(tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    for path in (tmp_path, tmp_path / "file" / "inside"):
        with pytest.raises(OSError, match=re.escape(f"cannot write {path}: ")):
            write_whole(path, b"after")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"after"


# ---- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_round_trip(encoder, shape, tmp_path):
    model = shaken(build(ModelConfig(encoder, "tiny", "learned", shape=shape, levels=16)))
    other_layout = copy.deepcopy(model).to(memory_format=torch.channels_last)  # is not kept
    of_another = {"configuration": {"encoder": "none"}, "own": {}}  # in the card of its start
    save_model(other_layout, tmp_path / "m", CARD | of_another)
    loaded = load_model(tmp_path / "m")
    z, gamma = torch.randn(3, *shape), torch.tensor([-10.0, 0.0, 4.0])
    assert torch.equal(loaded.v_hat(z, gamma), model.v_hat(z, gamma))
    assert torch.equal(loaded.encode(z, gamma).u, model.encode(z, gamma).u)
    assert loaded.config == model.config
    assert loaded.shape == shape and loaded.levels == 16
    assert not any(module.training for module in loaded.modules())
    assert loaded.card.items() >= CARD.items()
    assert loaded.card == read_card(tmp_path / "m.safetensors")
    assert loaded.card["configuration"] == {**asdict(model.config), "shape": list(shape)}


def test_weights_in_16_bits_are_loaded_in_32(model, tmp_path):
    save_model(copy.deepcopy(model).half(), tmp_path / "m", CARD)
    loaded = load_model(tmp_path / "m")
    assert loaded.dtype == torch.float32 and loaded.config == model.config
    assert same(weights(loaded), weights(model.half().float()))


CHANGES = {
    "end": lambda model: setattr(model.schedule, "gamma_max", 2.0),
    "counterterm": lambda model: setattr(model.encoder, "counterterm", False),
    "dropout": lambda model: setattr(model.denoiser.down[0][0].dropout, "p", 0.5),
    "encoder": lambda model: setattr(model, "encoder", build(LEARNED).encoder),
}
SCALING, LEARNED = (ModelConfig(name, "tiny", shape=(1, 8, 8)) for name in ("scaling", "learned"))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_part_changed_after_build_is_saved_as_it_is(change, tmp_path):
    """The configuration would build another model, so there is none in the card."""
    model, other, unchanged = (build(SCALING) for _ in range(3))
    change(model)
    change(other)
    before = torch.get_rng_state()
    save_model(model, tmp_path / "m")
    assert torch.equal(torch.get_rng_state(), before)
    assert read_card(tmp_path / "m")["configuration"] is None
    with pytest.raises(ValueError, match="no configuration"):
        load_model(tmp_path / "m")
    with pytest.raises(ValueError, match="does not fit the model given"):
        load_model(tmp_path / "m", model=unchanged)
    assert signature(load_model(tmp_path / "m", model=other)) == signature(model)


def test_a_card_of_the_small_before_says_how_to_mend_it(tmp_path):
    model = build(ModelConfig("learned", "small-fine", shape=(1, 8, 8)))
    save_model(model, tmp_path / "m")
    other = build(ModelConfig("learned", shape=(1, 8, 8)))
    with pytest.raises(ValueError, match="size small-fine there, small here; .*no encoder"):
        start_from(other, tmp_path / "m")
    card = (tmp_path / "m.json").read_text(encoding="utf-8")
    (tmp_path / "m.json").write_text(card.replace("small-fine", "small"), encoding="utf-8")
    for read in (load_model, partial(start_from, model), partial(load_model, model=model)):
        with pytest.raises(ValueError, match="older card is now small-fine"):
            read(tmp_path / "m")


# ---- starting from a saved model -----------------------------------------------------------------


def trained(encoder, tmp_path, **settings):
    """A saved model with weights that no other has; its path."""
    torch.manual_seed(1)
    model = shaken(build(ModelConfig(encoder, "tiny", shape=(1, 8, 8), **settings)))
    save_model(model, tmp_path / encoder, CARD)
    return model, tmp_path / encoder


def test_a_learned_encoder_starts_as_the_scaling_one(tmp_path):
    """y = 0 before any training, so E3 is E2: the same bound, bit by bit. Trained end points of the
    schedule are weights too, and taken over."""
    scaling, path = trained("scaling", tmp_path, schedule="learned")
    learned = build(ModelConfig("learned", "tiny", "learned", shape=(1, 8, 8)))
    images = torch.randint(256, (6, 1, 8, 8), dtype=torch.uint8)
    before = weights(learned)
    started, card = start_from(learned, path), read_card(path)
    assert same(weights(learned), before) and not learned.card
    assert started.config == learned.config
    assert started.card["start"].items() >= {
        "encoder": "scaling", "sha256": card["sha256"], "bits_per_dim": CARD["bits_per_dim"],
    }.items()  # fmt: skip
    assert same(weights(started.encoder), weights(learned.encoder))
    assert same(weights(started.denoiser), weights(scaling.denoiser))
    assert same(weights(started.schedule), weights(scaling.schedule))
    bounds = [evaluate(model, images, generator=seeded()) for model in (started, scaling)]
    assert bounds[0] == bounds[1]


def test_a_start_that_does_not_fit(tmp_path):
    _, path = trained("learned", tmp_path)
    for options, words in (
        ({"encoder": "identity"}, "it has no encoder"),
        ({"size": "small"}, r"it has no .* of shape \("),
        ({"gamma_max": 2.0}, "gamma"),
        ({"levels": 16}, "levels 256 there, 16 here"),
    ):
        other = build(ModelConfig(**{"size": "tiny", "shape": (1, 8, 8), **options}))
        with pytest.raises(ValueError, match=f"model must fit .*{words}"):
            start_from(other, path)


def test_a_start_from_a_model_of_ones_own(small_model, tmp_path):
    """With a card of one's own; a learned encoder is added to a VDM."""
    vdm = small_model("identity", levels=16)
    save_model(vdm, tmp_path / "own", {"data": "points"})
    started = start_from(small_model("learned", levels=16), tmp_path / "own")
    assert same(weights(started.denoiser), weights(vdm.denoiser))
    assert started.card["start"]["sha256"] == read_card(tmp_path / "own")["sha256"]
    with pytest.raises(ValueError, match="levels 16 there, 256 here"):
        start_from(small_model("learned"), tmp_path / "own")


def test_what_cannot_be_written_keeps_the_model(model, saved, monkeypatch):
    before = {p.name: p.read_bytes() for p in saved.parent.iterdir()}
    with pytest.raises(TypeError, match="JSON"):
        save_model(model.double(), saved, {"score": torch.tensor(1.0)})
    monkeypatch.setattr(os, "fsync", Mock(side_effect=NO_SPACE))
    with pytest.raises(OSError, match="m-0.5.safetensors"):
        save_model(model.double(), saved, CARD)
    assert {p.name: p.read_bytes() for p in saved.parent.iterdir()} == before


def test_damaged_weights(saved):
    """By one bit of the first or of the last byte, or cut short"""
    path = saved.with_name("m-0.5.safetensors")
    first, *inner, last = path.read_bytes()
    for damaged in ([first ^ 1, *inner, last], [first, *inner, last ^ 1], [first, *inner]):
        path.write_bytes(bytes(damaged))
        with pytest.raises(ValueError, match="m-0.5.safetensors"):
            load_model(saved)


def test_a_card_that_is_damaged_or_of_another_model(saved):
    path = saved.with_name("m-0.5.json")
    card = json.loads(path.read_text())
    for text in ("", "[]", '{"sha256": 1}', "\xff"):
        path.write_bytes(text.encode("latin1"))
        with pytest.raises(ValueError, match="m-0.5.json"):
            load_model(saved)
    for change in ({"size": "small"}, {"encoder": "identity"}, {"size": "huge"}, {"depth": 3}):
        changed = {"configuration": card["configuration"] | change}
        path.write_text(json.dumps(card | changed))
        with pytest.raises(ValueError, match="m-0.5.safetensors"):
            load_model(saved)


def test_missing_files(saved):
    with pytest.raises(FileNotFoundError, match="other"):
        load_model(saved.with_name("other"))
    saved.with_name("m-0.5.json").unlink()
    with pytest.raises(FileNotFoundError, match="m-0.5.json"):
        load_model(saved)


@pytest.fixture
def shipped(saved, cache, web, monkeypatch):
    """A pretrained model whose card alone is in the wheel. Returns where its weights are to come
    from in the web and where they are kept."""
    about = Message()
    for name, value in (("Version", "1.2"), ("Project-URL", f"Repository, {web.url}project")):
        about[name] = value
    monkeypatch.setattr(pretrained, "PRETRAINED", saved.parent)
    monkeypatch.setattr(pretrained, "metadata", lambda name: about)
    file = saved.with_name("m-0.5.safetensors")
    inside = file.relative_to(saved.parents[1]).as_posix()
    place = web.folder / "project" / "raw" / "v1.2" / saved.parents[1].name / inside
    place.parent.mkdir(parents=True)
    file.rename(place)
    return place, cache / "models" / file.name


def test_weights_that_are_not_in_the_wheel_are_fetched_once_and_only_the_right_ones_kept(
    shipped, model, web
):
    there, kept = shipped
    right = there.read_bytes()
    there.write_bytes(b"<html>Sign in to the network</html>")
    with pytest.raises(FileNotFoundError, match="could not be fetched .*raw/v1.2.*another file"):
        load_pretrained("m-0.5")
    assert not kept.exists()
    there.write_bytes(right)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a page that an older version kept")
    assert same(weights(load_pretrained("m-0.5")), weights(model)) and kept.read_bytes() == right
    asked = [*web.asked]
    assert same(weights(load_pretrained("m-0.5")), weights(model)) and web.asked == asked


def test_a_server_that_does_not_answer(shipped, silent):
    about = pretrained.metadata("")
    about.replace_header("Project-URL", f"Repository, {silent}")
    with pytest.raises(FileNotFoundError, match="could not be fetched .*timed out"):
        load_pretrained("m-0.5")


def test_pretrained(saved, monkeypatch):
    monkeypatch.setattr(pretrained, "PRETRAINED", saved.parent)
    save_model(load_model(saved), saved.with_name("another"), CARD)
    assert load_pretrained("m-0.5").card.items() >= CARD.items()
    assert load_model("m-0.5").card == read_card("m-0.5") == load_pretrained("m-0.5").card
    with pytest.raises(ValueError, match="^name .*mnist"):
        load_pretrained("mnist")
    with pytest.raises(FileNotFoundError, match="mnist"):
        load_model("mnist")
