"""All exercises by their numbers. Those of notebook NN stand in lesson_NN.py, one entry each; the
proof levels, which any notebook may use, in levels.toml."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

from .forms import Exercise
from .levels import LEVELS

_LESSONS = [
    importlib.import_module(f".{file.stem}", __package__)
    for file in sorted(Path(__file__).parent.glob("lesson_*.py"))
]

EXERCISES: dict[str, Exercise] = {
    number: replace(entry, number=number)
    for lesson in _LESSONS
    for number, entry in lesson.EXERCISES.items()
} | LEVELS


def find(exercise: str | Exercise) -> Exercise:
    """The exercise of this number. Raises ValueError for a number that does not exist."""
    if isinstance(exercise, Exercise):
        return exercise
    try:
        return EXERCISES[exercise]
    except (KeyError, TypeError):
        raise ValueError(
            f"number must be that of an exercise, one of {', '.join(EXERCISES)}; got {exercise!r}"
        ) from None
