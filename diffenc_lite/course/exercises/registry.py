"""All exercises by their numbers. Those of notebook NN stand in lesson_NN.py, one entry each."""

from __future__ import annotations

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
)
from .forms import Exercise

_LESSONS = [
    lesson_00, lesson_01, lesson_02, lesson_03, lesson_04, lesson_05, lesson_06,
    lesson_07, lesson_08, lesson_09, lesson_10, lesson_11, lesson_12,
]  # fmt: skip

EXERCISES: dict[str, Exercise] = {
    exercise.number: exercise for lesson in _LESSONS for exercise in lesson.EXERCISES
}


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
