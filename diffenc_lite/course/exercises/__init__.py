"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it."""

from .checking import ExerciseError, Verdict, ask, check, judge
from .forms import Choice, Exercise, Formula, Number, Program, Simulation, Vector
from .registry import EXERCISES

__all__ = [
    "EXERCISES",
    "Choice",
    "Exercise",
    "ExerciseError",
    "Formula",
    "Number",
    "Program",
    "Simulation",
    "Vector",
    "Verdict",
    "ask",
    "check",
    "judge",
]
