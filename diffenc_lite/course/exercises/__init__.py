"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it."""

from .checking import Verdict, ask, check, judge
from .forms import Exercise, Formula, Number
from .registry import EXERCISES

__all__ = ["EXERCISES", "Exercise", "Formula", "Number", "Verdict", "ask", "check", "judge"]
