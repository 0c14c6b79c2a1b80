"""The ways to play a proof level: a widget, or a line of code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .checking import Verdict, judge
from .levels import CHAINS, LEVELS, Level

if TYPE_CHECKING:
    from .player import Player

FILE = "proof_levels.json"  # where `play` keeps what is solved, in the working folder


@dataclass(frozen=True)
class Reply:
    """What the machine says to a try at a level; if it is right, with the line and the reason."""

    level: Level
    verdict: Verdict

    def __repr__(self) -> str:
        return self.verdict.text

    def _repr_markdown_(self) -> str:
        return self.verdict.text + f"\n\n{self.level.said}" * self.verdict.right


def level(number: str, answer: Any = None) -> Level | Reply:
    """A level to look at or, with an answer, the machine's reply to it.

    Args: answer, text such as "sigma_s**2 * c", or a SymPy expression. Raises ValueError for a
        number that does not exist.
    """
    if number not in LEVELS:
        raise ValueError(
            f"number must be that of a level, such as F3.1, of the chains {', '.join(CHAINS)}; "
            f"got {number!r}"
        )
    level = LEVELS[number]
    return level if answer is None else Reply(level, judge(level, answer))


def play(*chains: str, file: str | Path | None = FILE, anew: bool = False) -> Player:
    """Play chains of levels in a notebook: play("F3"), play("E2", "E3"); play() offers all.

    Args: file, where solved levels are kept (None: nowhere); anew, forget those that it holds.
    Raises ValueError for a chain that does not exist, and for a file that is no such record.
    """
    from .player import Player

    if unknown := [tag for tag in chains if tag not in CHAINS]:
        raise ValueError(f"chains must be of {', '.join(CHAINS)}; got {unknown[0]!r}")
    return Player([CHAINS[tag] for tag in chains or CHAINS], file, anew)
