"""Models and runs on disk: written whole or not at all, read only if undamaged.

A model is two files: NAME.safetensors, the weights, and NAME.json, its card: what was trained on
what, how well it does, and the sha256 of the weights. A run in progress is one file, resume.pt.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from .model import DiffEnc, ModelConfig, build

PRETRAINED = Path(__file__).with_name("assets") / "checkpoints"
RESUME_HEADER = b"diffenc_lite resume 1\n"  # followed by the sha256 of the rest, in 64 hex digits

PathLike = str | os.PathLike[str]


# ---- writing -------------------------------------------------------------------------------------


@contextmanager
def writing(path: PathLike) -> Iterator[None]:
    """Whatever goes wrong with the disk inside, one error that names the file and the reason."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OSError(error.errno, f"cannot write {os.fspath(path)}: {reason}") from error


def write_whole(path: PathLike, content: bytes) -> None:
    """Write under another name in the same folder, flush to the disk, then rename: at no moment is
    there half a file at `path`, and if writing fails what was there before is still there.

    Raises OSError (PermissionError, ...) naming the file and the reason.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    part = path.with_name(path.name + ".part")
    with writing(path):
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is there, and not a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


# ---- models --------------------------------------------------------------------------------------


def save_model(model: DiffEnc, path: PathLike, card: dict[str, Any]) -> None:
    """Write path.safetensors and path.json: the card, with the configuration and the sha256 added.

    Each file is replaced whole, the card last; killed between the two, the pair does not match and
    `load_model` refuses it.
    Raises ValueError for a model that was not made by `build(ModelConfig(...))`, since only such a
    model can be made again from its card; OSError if it cannot be written.
    """
    if model.config is None:
        raise ValueError("model must come from build(ModelConfig(...)) to be saved with its card")
    from safetensors.torch import save

    weights = save({name: w.cpu().contiguous() for name, w in model.state_dict().items()})
    sha256 = hashlib.sha256(weights).hexdigest()
    text = json.dumps({"configuration": asdict(model.config), **card, "sha256": sha256}, indent=2)
    weights_path, card_path = _model_files(path)
    write_whole(weights_path, weights)
    write_whole(card_path, text.encode() + b"\n")


def read_card(path: PathLike) -> dict[str, Any]:
    """The card of a saved model, or of a pretrained one by its name.

    Raises FileNotFoundError if there is none, ValueError if it is not a card.
    """
    card_path = _model_files(_find(path))[1]
    try:
        card = json.loads(card_path.read_bytes())
        if not {"configuration", "sha256"} <= set(card):
            raise ValueError("no configuration or no sha256 in it")
    except FileNotFoundError:
        raise FileNotFoundError(f"{card_path}, the card of the model, is missing") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{card_path} is damaged or not a model's card: {error}") from None
    return card


def load_model(path: PathLike, device: torch.device | str = "cpu") -> DiffEnc:
    """The saved model in eval mode, its card as `model.card`.

    Args: path, with or without .safetensors; or the name of a pretrained model.
    Raises FileNotFoundError if there is no such model; ValueError if the weights are damaged, cut
    short, another file than the card describes, or do not fit its configuration.
    """
    path = _find(path)
    card = read_card(path)
    weights_path, card_path = _model_files(path)
    content = weights_path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != card["sha256"]:
        raise ValueError(
            f"{weights_path} is damaged, cut short or not the file of {card_path.name}: "
            f"expected sha256 {card['sha256']}, found {found} ({len(content):,} bytes)"
        )
    from safetensors.torch import load

    try:
        model = build(ModelConfig(**card["configuration"]))
        model.load_state_dict(load(content))
    except Exception as error:  # whatever a foreign file makes of it
        raise ValueError(f"{weights_path} does not fit its configuration: {error}") from None
    model.card = card  # type: ignore[assignment]
    return model.to(device).eval()


def load_pretrained(name: str, device: torch.device | str = "cpu") -> DiffEnc:
    """A model that comes with the package, in eval mode, its card as `model.card`.

    Raises ValueError for an unknown name, listing those there are; ValueError if damaged.
    """
    if name not in pretrained_names():
        raise ValueError(f"name must be one of {', '.join(pretrained_names())}; got {name!r}")
    return load_model(PRETRAINED / name, device)


def pretrained_names() -> list[str]:
    """The names that `load_pretrained` knows."""
    return sorted(path.stem for path in PRETRAINED.glob("*.safetensors"))


def read_metrics(path: PathLike) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl (see runs.py), or those of a pretrained model by its name.

    Raises FileNotFoundError if there is no such file, ValueError if a line is damaged.
    """
    file = PRETRAINED / f"{path}.metrics.jsonl" if path in pretrained_names() else Path(path)
    try:
        return [json.loads(line) for line in file.read_bytes().splitlines()]
    except ValueError as error:
        raise ValueError(f"{file} is damaged or no file of metrics: {error}") from None


def _model_files(path: PathLike) -> tuple[Path, Path]:
    """(weights, card). Not by with_suffix, which would cut the name "run-0.5" in two."""
    stem = os.fspath(path).removesuffix(".safetensors").removesuffix(".json")
    return Path(stem + ".safetensors"), Path(stem + ".json")


def _find(path: PathLike) -> PathLike:
    """path itself if there is a model, else the pretrained one of that name."""
    if _model_files(path)[0].exists():
        return path
    if path in pretrained_names():
        return PRETRAINED / path
    raise FileNotFoundError(
        f"there is no model {os.fspath(path)!r}: neither the file {_model_files(path)[0]} nor a "
        f"pretrained one of that name ({', '.join(pretrained_names())})"
    )


# ---- runs in progress ----------------------------------------------------------------------------


def save_resume(path: PathLike, state: dict[str, Any]) -> None:
    """Write all that a run needs to go on: tensors, numbers, strings; dicts and lists of them."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    write_whole(path, RESUME_HEADER + hashlib.sha256(content).hexdigest().encode() + content)


def load_resume(path: PathLike) -> dict[str, Any]:
    """What `save_resume` wrote, on the CPU.

    Raises FileNotFoundError if there is no file, ValueError if it is damaged, cut short or not one
    of these files at all.
    """
    content = Path(path).read_bytes()
    start = len(RESUME_HEADER) + 64
    digest, payload = content[len(RESUME_HEADER) : start], content[start:]
    if not content.startswith(RESUME_HEADER):
        raise ValueError(f"{os.fspath(path)} is not a resume file of diffenc_lite")
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise ValueError(f"{os.fspath(path)} is damaged or cut short ({len(content):,} bytes)")
    return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
