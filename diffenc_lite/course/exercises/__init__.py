"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it."""

from .checking import Verdict, ask, check, judge
from .comparing import ExerciseError
from .forms import Choice, Exercise, Formula, Number, Program, Simulation, Vector
from .registry import EXERCISES, register

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
    "register",
]
