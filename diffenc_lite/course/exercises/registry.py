"""All exercises by their numbers. Those of notebook NN stand in lesson_NN.py, one entry each; the
proof levels, which any notebook may use, in levels.toml."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from .comparing import tried
from .forms import Exercise
from .levels import LEVELS

_LESSONS = [
    importlib.import_module(f".{file.stem}", __package__)
    for file in sorted(Path(__file__).parent.glob("lesson_*.py"))
]

EXERCISES: dict[str, Exercise] = {
    **{exercise.number: exercise for lesson in _LESSONS for exercise in lesson.EXERCISES},
    **LEVELS,
}


def register(*exercises: Exercise) -> None:
    """Add exercises of your own to those that ask, check and judge know.

    Each one's answer is tried out at once, and must be right by its own rules. Raises ValueError
    for a number that is taken or is not of the form "NAME.1", ExerciseError for an exercise that
    has a mistake.
    """
    for exercise in exercises:
        if not re.fullmatch(r"[A-Za-z0-9]+\.[0-9]+", exercise.number):
            raise ValueError(f'number must be like "A.1" or "07.3"; got {exercise.number!r}')
        if exercise.number in EXERCISES:
            raise ValueError(f"number {exercise.number} is taken; give another one")
        tried(exercise)
        EXERCISES[exercise.number] = exercise


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
