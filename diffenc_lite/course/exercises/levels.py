"""The proof levels: the main line of the ledger as a game of small steps.

    from diffenc_lite.course.exercises import play

    play("F3")                                 # with buttons, in a notebook
    level("F3.3")                              # one level, its hints and its answer folded
    level("F3.3", "sigma_s**2 * c")            # the same without widgets: the machine's reply

Each level is an exercise too: ask("F3.3"), check("F3.3", answer_F3_3). They stand in `levels.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy

from ..ledger import notation
from . import writing
from .forms import Exercise, RightSide
from .writing import folded, folded_hints, to_html

_DATA: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("levels.toml").read_text(encoding="utf-8")
)
_ASSUMED, MEANS, _LATEX = (_DATA.pop(part) for part in ("symbols", "means", "latex"))
SYMBOLS = {  # those of the ledger's notation, and those that the levels add
    name: sympy.Symbol(name, **{assumed: True})
    for assumed, names in _ASSUMED.items()
    for name in names.split()
} | {name: s for name, s in vars(notation).items() if isinstance(s, sympy.Symbol)}
NAMES = notation.NAMES | {SYMBOLS[name]: shown for name, shown in _LATEX.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class Level(Exercise):
    """One step: `left` = answer. The goal holds all that may be used, the question says besides
    what it is about, `why` is the reason in one line. `word`: whether it is proved by the machine,
    defined, or in words; `argued`: the levels, this one among them, whose words it needs."""

    answer: str
    title: str
    goal: str
    left: str
    uses: tuple[str, ...]
    why: str
    word: str
    argued: tuple[str, ...]

    @property
    def equation(self) -> str:
        """The line with its answer, in LaTeX"""
        return f"{_relation(self.left)} {as_latex(self.answer)}"

    @property
    def head(self) -> str:
        """What can be said of the line"""
        if self.argued and self.number not in self.argued:
            return f"Proved from {', '.join(self.argued)} (in words)"
        return {"proved": "Proved", "defined": "By definition", "in words": "In words"}[self.word]

    @property
    def said(self) -> str:
        return f"{self.head}: $${self.equation}$$ {self.why}"

    @property
    def printed_hint(self) -> str:
        """Where the hints are: they have formulas"""
        return f'level("{self.number}") has hints that unfold one by one.'

    def __repr__(self) -> str:
        return f"Level {self.number}: {self.title}"

    def _repr_html_(self) -> str:
        """The goal; hints and answer folded"""
        answer = to_html(f"$${self.equation}$$\n\n{self.why}")
        return to_html(self.goal) + folded_hints(self) + folded("Answer", answer)


@dataclass(frozen=True)
class Game:
    """The levels that prove one row of the ledger, in order."""

    tag: str
    title: str
    setting: str
    levels: tuple[Level, ...]

    def _repr_html_(self) -> str:
        """Every level, folded"""
        levels = (folded(f"{e.number} · {e.title}", e._repr_html_()) for e in self.levels)
        return "".join((f"<b>{self.tag} · {self.title}</b>", to_html(self.setting), *levels))


def as_latex(text: str) -> str:
    """A formula in LaTeX as it was typed. Raises writing.Unreadable."""
    tree = writing.read(text)
    symbols = {name: sympy.Symbol(name) for name in writing.names_in(tree)} | SYMBOLS
    with sympy.evaluate(False):
        return notation.latex(writing.to_sympy(tree, symbols), order="none", symbol_names=NAMES)


def _relation(left: str) -> str:
    return left if left.endswith(r"\approx") else f"{left} ="


def _chain(tag: str, title: str, setting: str, level: list[dict[str, Any]]) -> Game:
    numbers = [f"{tag}.{i}" for i in range(1, len(level) + 1)]
    for number, entry in zip(numbers, level, strict=True):
        LEVELS[number] = _level(number, setting, **entry)
    return Game(tag, title, setting, tuple(LEVELS[number] for number in numbers))


def _level(
    number: str,
    setting: str,
    goal: str,
    names: str,
    uses: Sequence[str] = (),
    leading: str = "",
    word: str = "",
    **rest: Any,
) -> Level:
    known = "; ".join(f"${LEVELS[used].equation}$ ({used})" for used in uses)
    typed = ", ".join(_typed(name) for name in names.split())
    argued = {n: None for used in uses for n in LEVELS[used].argued}
    if word == "in words":
        argued[number] = None
    parts = [goal, f"Known: {known}." if known else "", f"$${_relation(rest['left'])} \\;?$$"]
    goal = "\n\n".join(filter(None, [*parts, f"Write it in {typed}."]))
    return Level(
        number=number,
        question=f"{setting}\n\n{goal}",
        goal=goal,
        form=RightSide(tuple(names.split()), leading),
        hint=tuple(rest.pop("hints")),
        uses=tuple(uses),
        word=word or ("in words" if argued else "proved"),
        argued=tuple(argued),
        **rest,
    )


def _typed(name: str) -> str:
    """How a symbol is typed, and what it stands for if that looks different"""
    shown = as_latex(name)
    return f"`{name}`" if shown == name else f"`{name}` (${shown}$)"


LEVELS: dict[str, Level] = {}
CHAINS = {tag: _chain(tag, **chain) for tag, chain in _DATA.items()}
