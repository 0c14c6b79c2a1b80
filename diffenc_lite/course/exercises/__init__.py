"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it.

`play("F3")` shows the proof levels of one row of the ledger, `level("F3.1")` one of them.
"""

from .answers import ExerciseError
from .checking import EXERCISES, Mark, ask, check, judge
from .forms import Choice, Exercise, Formula, Number, Program, RightSide
from .levels import CHAINS
from .own import collect, take, whose
from .player import level, play

__all__ = [
    "CHAINS", "EXERCISES", "Choice", "Exercise", "ExerciseError", "Formula", "Mark", "Number",
    "Program", "RightSide", "ask", "check", "collect", "judge", "level", "play", "take", "whose",
]  # fmt: skip
