"""The folder of a training: resume.pt, all that it needs to go on, and metrics.jsonl, its curve.

Each line of the metrics is a JSON object: update, split ("train" or "held out"), and prior,
reconstruction, diffusion and total in bits per dimension; for held-out images also standard_error
and n. Nothing in it depends on the clock: a run that was stopped writes the same as any other.
"""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..bound import TERMS
from ..files import PathLike, verify, write_whole, writing
from ..model import DiffEnc
from ..pretrained.signature import disagreements, signature

HEADER = b"diffenc_lite resume 2\n"  # then the sha256 of the rest, in 64 hex digits, and the rest


class RunFolder:
    """`restore` what was saved, `log` lines of metrics, `save` a state. Args: settings, by name,
    what must be the same for the run to go on."""

    def __init__(self, path: PathLike, settings: dict[str, Any]):
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise TypeError(f"folder must be a path; got {path!r:.60}")
        self.path, self.settings = Path(path), settings
        self.resume, self.metrics = self.path / "resume.pt", self.path / "metrics.jsonl"
        self.beginning = b""  # the beginning of resume.pt when it was last read or written

    def restore(self) -> dict[str, Any] | None:
        """The state last saved, the metrics cut back to what they were then; None in a new folder.
        Raises ValueError if the run had other settings, or resume.pt or the metrics are damaged."""
        size = self._size()
        if not self.resume.exists():
            if size:
                raise ValueError(f"{self.path} has metrics but no resume.pt; give another folder")
            return None
        saved, self.beginning = load_resume(self.resume), self._beginning()
        if "steps" in saved["settings"]:  # as loss_steps was called
            saved["settings"]["loss_steps"] = saved["settings"].pop("steps")
        if differing := disagreements(saved["settings"], self.settings):
            problem = f"{self.path} holds a run with other settings ({'; '.join(differing)})"
            longer = "to train longer, begin there with the weights of this run (start_from)"
            raise ValueError(f"{problem}. Give the same to go on, or another folder; {longer}")
        if size < saved["metrics"]:
            had = f"it has {size} bytes, and had {saved['metrics']} when resume.pt was written"
            raise ValueError(f"{self.metrics} is damaged or cut short: {had}")
        if size > saved["metrics"]:  # lines after the save: they will be written again
            with writing(self.metrics):
                os.truncate(self.metrics, saved["metrics"])
        return saved["state"]

    def log(self, progress: Any) -> None:
        """Append a Progress to the metrics: only what a second run would repeat exactly."""
        of_training = {name: getattr(progress, name) for name in (*TERMS, "total")}
        lines = [{"update": progress.update, "split": "train", **of_training}]
        if (evaluation := progress.evaluation) is not None:
            scores = {name: value for name, value in vars(evaluation).items() if name != "levels"}
            lines.append({"update": progress.update, "split": "held out", **scores})
        with writing(self.metrics), self.metrics.open("ab") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())

    def save(self, state: dict[str, Any]) -> None:
        """Args: state, tensors, numbers, strings; dicts and lists of them. Raises RuntimeError if
        another run has written there since."""
        if self._beginning() != self.beginning:
            raise RuntimeError(f"{self.resume} was written by another run of this folder")
        buffer = io.BytesIO()
        torch.save({"settings": self.settings, "metrics": self._size(), "state": state}, buffer)
        content = buffer.getvalue()
        beginning = HEADER + hashlib.sha256(content).hexdigest().encode()
        write_whole(self.resume, beginning + content)
        self.beginning = beginning

    def _beginning(self) -> bytes:
        if not self.resume.exists():
            return b""
        with self.resume.open("rb") as file:
            return file.read(len(HEADER) + 64)

    def _size(self) -> int:
        return self.metrics.stat().st_size if self.metrics.exists() else 0


def fingerprint(model: DiffEnc, images: Tensor, held_out: Tensor | None) -> dict[str, Any]:
    """What tells model, its start and data from others: a run goes on only with the same."""

    def digest(data: Tensor) -> str:
        return hashlib.sha256(data.cpu().numpy().tobytes()).hexdigest()[:16]

    parts, shapes = signature(model), {n: [*w.shape] for n, w in model.state_dict().items()}
    if isinstance(model.schedule, torch.nn.Module) and [*model.schedule.parameters()]:
        del parts["gamma"], parts["ends"]  # which the training changes
    return {
        "model": repr(model.config),
        **parts,
        "weight_shapes": hashlib.sha256(repr(shapes).encode()).hexdigest()[:16],
        "start": model.card.get("sha256") or model.card.get("start", {}).get("sha256"),
        "images": digest(images),
        "held_out": None if held_out is None else digest(held_out),
    }


def load_resume(path: PathLike) -> dict[str, Any]:
    """What `RunFolder.save` wrote, on the CPU. Raises FileNotFoundError if there is none,
    ValueError if it is damaged, cut short, or not such a file of this version."""
    content = Path(path).read_bytes()
    if not content.startswith(HEADER):
        raise ValueError(f"{path} is not a resume file of this version of diffenc_lite")
    digest, rest = content[len(HEADER) :][:64], content[len(HEADER) :][64:]
    verify(rest, digest.decode("ascii", "replace"), path)
    return torch.load(io.BytesIO(rest), map_location="cpu", weights_only=True)
