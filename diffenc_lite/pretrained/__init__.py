"""Models that come with the package, and models of your own on disk.

NAME.safetensors has the weights, NAME.json the card: what was trained on what, how well it does,
and the sha256 of the weights.
"""

import copy
import hashlib
import json
import math
import os
import textwrap
import urllib.request
from dataclasses import asdict
from http.client import HTTPException
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from .. import files
from ..arguments import check_one_of
from ..chain import Chain
from ..data import cache_folder
from ..files import PathLike, verify, write_whole
from ..model import DiffEnc, ModelConfig, build, check_model
from ..pixels import FLOATS
from ..schedule import GAMMA_MIN, gamma_min_for
from .signature import disagreements, signature

PRETRAINED = Path(__file__).parent
FITTED = PRETRAINED / "fitted.json"
Tensors = dict[str, torch.Tensor]


def save_model(model: DiffEnc, path: PathLike, card: dict[str, Any] | None = None) -> None:
    """Write path.safetensors and path.json: the card, with the configuration and the sha256 added.

    Each file is replaced whole, the card last; two that do not match are refused by `load_model`.
    A model that was not made by `build(ModelConfig(...))` has no configuration: `load_model` must
    then be given a model to fill. Its card has what the weights do not tell, under "own": classes,
    and the numbers and words among their attributes, but for those that begin with _.
    Args: model, or its `half()`, which takes half the space and is loaded as float32; card, what to
        say of it; plain values only, as for JSON.
    Raises TypeError for what is no DiffEnc; OSError if it cannot be written.
    """
    check_model(model, FLOATS)
    copies = {  # since weights that two networks share can only be saved twice
        name: w.to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, w in model.state_dict().items()
    }
    weights = save(copies)
    about: dict[str, Any] = {"configuration": model.config and asdict(model.config)}
    try:
        if model.config:
            _check_signature(about, copies, model)
    except ValueError:  # a part was changed after it was built
        about["configuration"] = None
    about |= {} if about["configuration"] else {"own": signature(model)}
    about |= {k: v for k, v in (card or {}).items() if k not in ("configuration", "own")}
    about["sha256"] = hashlib.sha256(weights).hexdigest()
    text = json.dumps(about, indent=2) + "\n"  # before a file is touched
    weights_path, card_path = _model_files(path)
    write_whole(weights_path, weights)
    write_whole(card_path, text.encode())


def read_card(path: PathLike) -> dict[str, Any]:
    """The card of a saved model, or of a pretrained one by its name. Raises FileNotFoundError if
    there is none, ValueError if it is not a card."""
    card_path = _find(path)[1]
    try:
        card = json.loads(card_path.read_bytes())
        if not {"configuration", "sha256"} <= {*card}:
            raise ValueError("no configuration or no sha256 in it")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{card_path} is damaged or not a model's card: {error}") from None
    return card


def load_model(
    path: PathLike, device: torch.device | str | None = None, model: DiffEnc | None = None
) -> DiffEnc:
    """The saved model in eval mode, its card as `model.card`.

    Args: path, with or without .safetensors, or the name of a pretrained model; device, by default
        that of the model given, or the CPU; model, made as the saved one was, whose parts get the
        weights, unless they are refused. It must be given if its networks are your own.
    Raises FileNotFoundError if there is no such model, or its weights cannot be fetched; ValueError
    if they are damaged, cut short, another file than the card describes, or do not fit.
    """
    card, file, weights = _read(path)
    fits = "its configuration" if model is None else "the model given"
    if model is not None:
        check_model(model)
    elif card["configuration"] is None:
        raise ValueError(
            f"{file.with_suffix('.json').name} has no configuration: the model has networks of "
            "its own. Make it again and give it: load_model(path, model=model)"
        )
    try:
        if model is None:
            model = _built(ModelConfig(**card["configuration"]), weights)
        else:
            filled = copy.deepcopy(model)  # it stays as it is if it is refused
            filled.load_state_dict(weights)
            _check_signature(card, weights, filled)
            model.load_state_dict(weights)
    except Exception as error:  # a foreign file may raise anything
        why = textwrap.shorten(str(error), 400, placeholder=" ...")  # PyTorch lists every weight
        raise ValueError(f"{file} does not fit {fits}: {why}") from None
    return model.to(device or model.device).eval().with_parts(_card=card)


def _read(path: PathLike) -> tuple[dict[str, Any], Path, Tensors]:
    """The card of a saved model, the file of its weights, and these, checked."""
    card, file = read_card(path), _find(path)[0]
    return card, file, load(_weights(file, card["sha256"]))


def _built(config: ModelConfig, weights: Tensors) -> DiffEnc:
    """The model of a configuration with these weights; the global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        model = build(config)
    if any(weight.dtype == torch.float64 for weight in weights.values()):
        model = model.double()
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        small = (config.encoder, config.size) == ("learned", "small")
        hint = "the small of an older card is now small-fine: write that into it; " if small else ""
        raise ValueError(f"{hint}{error}") from None
    return model


def _check_signature(
    card: dict[str, Any], weights: Tensors, model: DiffEnc, but: tuple[str, ...] = ()
) -> None:
    """Raise ValueError if what the weights do not tell is another than in the card."""
    there = card.get("own") or signature(_built(ModelConfig(**card["configuration"]), weights))
    here = signature(model) | {name: there[name] for name in but}
    if differing := disagreements(there, here):
        (before, *_), (now, *_), usual = there["gamma"], here["gamma"], gamma_min_for(model.levels)
        if before == GAMMA_MIN < usual and math.isclose(now, usual, abs_tol=1e-3):
            differing.append(f"gamma(0) was {GAMMA_MIN} by default: give schedule=LinearSchedule()")
        raise ValueError("; ".join(differing))


def start_from(model: DiffEnc, path: PathLike) -> DiffEnc:
    """The model with the weights of a saved one, to train it on from there

        model = start_from(build(ModelConfig("learned")), "mnist-scaling")

    Weights that only `model` has, those of an encoder, stay as they are. A learned encoder starts
    with y = 0, as the scaling encoder (E2, E3): from a model with that, it is the same function at
    first; from a VDM, a worse one. The card of the result is {"start": ...}, which tells of the
    saved one. Raises ValueError if that has weights or shapes that `model` has not, other levels or
    another schedule; and what `load_model` raises.
    """
    check_model(model)
    card, _, weights = _read(path)
    filled = copy.deepcopy(model)
    shapes = {name: weight.shape for name, weight in filled.state_dict().items()}
    try:
        for name, weight in sorted(weights.items()):
            if shapes.get(name) != weight.shape:
                raise ValueError(f"it has no {name} of shape {tuple(weight.shape)}")
        filled.load_state_dict(weights, strict=False)
        _check_signature(card, weights, filled, but=("denoiser", "encoder", "counterterm", "ends"))
    except ValueError as error:
        sizes = (card["configuration"] or {}).get("size"), getattr(model.config, "size", None)
        hint = "size {} there, {} here; ".format(*sizes) if len({None, *sizes}) == 3 else ""
        raise ValueError(f"model must fit {path}: {hint}{error}") from None
    start = {"encoder": (card["configuration"] or {}).get("encoder")}
    kept = ("updates", "bits_per_dim", "sha256", "start")
    start |= {name: card[name] for name in kept if name in card}
    start["batch"] = card.get("training", {}).get("batch")
    return filled.with_parts(_card={"start": start})


def load_pretrained(name: str, device: torch.device | str = "cpu") -> DiffEnc:
    """A model that comes with the package, in eval mode, its card as `model.card`. Raises
    ValueError for an unknown name, listing those there are, and if it is damaged."""
    check_one_of("name", name, pretrained_names())
    return load_model(PRETRAINED / name, device)


def load_fitted(name: str, steps: int) -> Chain:
    """W7: T equal steps with the scale and ratio fitted for a pretrained model, and their errors

        sample(load_pretrained("mnist-learned"), 64, load_fitted("mnist-learned", 8))

    It goes into `elbo` and `evaluate` too: it was fitted on training images (`fit`).
    Raises ValueError for a model or a T without one, naming those that have one.
    """
    fits = json.loads(FITTED.read_bytes())["models"]
    check_one_of("name", name, fits)
    check_one_of("steps", steps, map(int, fits[name]["steps"]))
    values = {key: torch.tensor(row) for key, row in fits[name]["steps"][str(steps)].items()}
    return Chain(Chain.equal(steps).grid, **values)


def pretrained_names() -> list[str]:
    """The names that `load_pretrained` knows."""
    return sorted(path.stem for path in PRETRAINED.glob("*.json") if path != FITTED)


def _model_files(path: PathLike) -> tuple[Path, Path]:
    """(weights, card). Not by with_suffix, which would cut the name "run-0.5" in two."""
    stem = os.fspath(path).removesuffix(".safetensors").removesuffix(".json")
    return Path(stem + ".safetensors"), Path(stem + ".json")


def _find(path: PathLike) -> tuple[Path, Path]:
    """(weights, card) of the model there, else of the pretrained one of that name."""
    for pair in (_model_files(path), _model_files(PRETRAINED / path)):
        if any(file.exists() for file in pair):
            return pair
    raise FileNotFoundError(
        f"there is no model '{path}': neither the file {_model_files(path)[0]} nor a "
        f"pretrained one of that name ({', '.join(pretrained_names())})"
    )


def _weights(file: Path, sha256: str) -> bytes:
    """What the file holds, or its copy in the folder for caches: the wheel has only cards of larger
    models, whose weights are fetched from the project's files at the tag of the version, and kept
    if they are the right ones. Errors as in `load_model`."""
    package = PRETRAINED.parent
    if file.exists() or not file.is_relative_to(package):
        return verify(file.read_bytes(), sha256, file)
    kept = cache_folder() / "models" / file.name
    if kept.exists() and hashlib.sha256(content := kept.read_bytes()).hexdigest() == sha256:
        return content
    place = f"{package.name}/{file.relative_to(package).as_posix()}"
    try:
        about = metadata(package.name)
        urls = dict(url.split(", ") for url in about.get_all("Project-URL") or [])
        url = f"{urls['Repository']}/raw/v{about['Version']}/{place}"
        asked = urllib.request.Request(url, headers={"User-Agent": package.name})
        with urllib.request.urlopen(asked, timeout=files.TIMEOUT) as answer:
            content = verify(answer.read(), sha256, url)
    except (OSError, HTTPException, LookupError, ValueError) as error:
        raise FileNotFoundError(
            f"the weights of {file.stem} are not in the wheel and could not be fetched "
            f"({error}); copy {place} of a checkout to {kept}"
        ) from None
    write_whole(kept, content)
    return content
