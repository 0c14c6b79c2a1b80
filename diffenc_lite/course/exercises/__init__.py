"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it."""

from .checking import Verdict, ask, check, judge
from .questions import EXERCISES, Exercise, Formula, Number

__all__ = ["EXERCISES", "Exercise", "Formula", "Number", "Verdict", "ask", "check", "judge"]
