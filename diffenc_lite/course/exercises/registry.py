"""All exercises by their numbers. Those of notebook NN stand in lesson_NN.py, one entry each; the
proof levels, which any notebook may use, in levels.toml."""

from __future__ import annotations

import re

from . import (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_11,
    lesson_12,
    lesson_13,
    lesson_14,
)
from .comparing import tried
from .forms import Exercise
from .levels import LEVELS

_LESSONS = [
    lesson_00, lesson_01, lesson_02, lesson_03, lesson_04, lesson_05, lesson_06,
    lesson_07, lesson_08, lesson_09, lesson_10, lesson_11, lesson_12, lesson_13, lesson_14,
]  # fmt: skip

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
