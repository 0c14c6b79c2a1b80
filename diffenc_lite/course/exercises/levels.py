"""The proof levels: the main line of the ledger as a game of small steps.

    from diffenc_lite.course.exercises import play

    play("F3")                                 # with buttons, in a notebook
    level("F3.3")                              # one level, its hints and its answer folded
    level("F3.3", "sigma_s**2 * c")            # the same without widgets: the machine's reply

Each level is an exercise too: ask("F3.3"), check("F3.3", answer_F3_3). They stand in `levels.toml`.
"""

import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import sympy
from sympy import Expr, Symbol

from ..ledger import LEDGER, notation, zero
from ..ledger.reading import HIGHEST
from . import writing
from .answers import NotRight, WrongForm, kind_of
from .forms import Exercise, RightSide
from .mistakes import simple_mistake
from .writing import folded, folded_hints, to_html

_DATA: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("levels.toml").read_text(encoding="utf-8")
)
_ASSUMED, _MEANS, _LATEX = (_DATA.pop(part) for part in ("symbols", "means", "latex"))
SYMBOLS = {  # those of the ledger's notation, and those that the levels add
    name: Symbol(name, **{assumed: True})
    for assumed, names in _ASSUMED.items()
    for name in names.split()
} | {name: s for name, s in vars(notation).items() if isinstance(s, Symbol)}
# What the abbreviations of the levels stand for
MEANS = {SYMBOLS[n]: writing.to_sympy(writing.read(text), SYMBOLS) for n, text in _MEANS.items()}
NAMES = notation.NAMES | {SYMBOLS[name]: shown for name, shown in _LATEX.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class Level(Exercise):
    """One step: `left` = answer. The goal holds all that may be used, the question says besides
    what it is about, `why` is the reason in one line. `word`: whether it is proved by the machine,
    defined, or argued; `argued`: the levels, this one among them, whose words it needs; `line`: of
    which entry of the ledger the answer is the right side, if it is of one."""

    answer: str
    title: str
    goal: str
    left: str
    uses: tuple[str, ...]
    why: str
    word: str
    argued: tuple[str, ...]
    line: str = ""

    @property
    def equation(self) -> str:
        """The line with its answer, in LaTeX"""
        if self.line:
            right = notation.latex(_right_side(self.line), symbol_names=NAMES)
        else:
            right = as_latex(self.answer)
        return f"{_relation(self.left)} {right}"

    @property
    def head(self) -> str:
        """What can be said of the line"""
        if self.argued and self.number not in self.argued:
            return f"Proved from {', '.join(self.argued)} (argued)"
        return {"proved": "Proved", "defined": "By definition", "argued": "Argued"}[self.word]

    @property
    def said(self) -> str:
        return f"{self.head}: $${self.equation}$$ {self.why}"

    def printed_hint(self, tries: int, output: str = "") -> str:
        """Where the hints are: they have formulas"""
        return f' Hint: level("{self.number}") has hints that unfold one by one.'

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
    symbols = {name: Symbol(name) for name in writing.names_in(tree)} | SYMBOLS
    with sympy.evaluate(False):
        return notation.latex(writing.to_sympy(tree, symbols), order="none", symbol_names=NAMES)


def _relation(left: str) -> str:
    return left if left.endswith(r"\approx") else f"{left} ="


def _chain(tag: str, title: str, setting: str, level: list[dict[str, Any]]) -> Game:
    numbers = [f"{tag}.{i}" for i in range(1, len(level) + 1)]
    for number, entry in zip(numbers, level, strict=True):
        LEVELS[number] = _level(number, setting, **entry)
    return Game(tag, title, setting, tuple(LEVELS[number] for number in numbers))


def _level(number: str, setting: str, goal: str, names: str, **rest: Any) -> Level:
    uses, hints = tuple(rest.pop("uses", ())), tuple(rest.pop("hints"))
    leading, word = rest.pop("leading", ""), rest.pop("word", "")
    if "line" in rest:
        right = _right_side(rest["line"]).subs(notation.alpha_ts, Symbol("alpha_ts"))
        rest["answer"] = str(right)  # as one would type it
    known = "; ".join(f"${LEVELS[used].equation}$ ({used})" for used in uses)
    typed = ", ".join(_typed(name) for name in names.split())
    argued = {n: None for used in uses for n in LEVELS[used].argued}
    if word == "argued":
        argued[number] = None
    parts = [goal, f"Known: {known}." if known else "", f"$${_relation(rest['left'])} \\;?$$"]
    goal = "\n\n".join(filter(None, [*parts, f"Write it in {typed}."]))
    return Level(
        number=number,
        question=f"{setting}\n\n{goal}",
        goal=goal,
        form=RightSide(tuple(names.split()), leading),
        hints=hints,
        uses=uses,
        word=word or ("argued" if argued else "proved"),
        argued=tuple(argued),
        **rest,
    )


def _right_side(key: str) -> Expr:
    """That of an entry of the ledger"""
    tag, entry = key.split(".")
    right = LEDGER[tag][entry].line.rhs
    return right.subs(notation.lambda_s, notation.lambda_t + notation.Delta)


def _typed(name: str) -> str:
    """How a symbol is typed, and what it stands for if that looks different"""
    shown = as_latex(name)
    return f"`{name}`" if shown == name else f"`{name}` (${shown}$)"


LEVELS: dict[str, Level] = {}
CHAINS = {tag: _chain(tag, **chain) for tag, chain in _DATA.items()}


# --- how a line is judged: by the judge of the ledger, in symbols of the level --------------------

FAR = 1e20  # how large T is, or how small a step, where only the leading power counts


def prepare(level: Exercise, form: RightSide) -> Callable[[Any], None]:
    """A function that returns nothing for a right line, and else raises NotRight or WrongForm."""
    names, leading = form.names, form.leading
    right = _expression(level.answer, names).xreplace(MEANS)
    shown = tuple((name, SYMBOLS[name].xreplace(MEANS)) for name in names)

    def compare(given: Any) -> None:
        line = _expression(given, names).xreplace(MEANS)
        verdict = zero.decide(line, right, shown)
        if isinstance(verdict, zero.Differs):
            if leading and _same_in_the_limit(line, right, SYMBOLS[leading]):
                raise WrongForm(f"exact, or nearly so: keep the leading power of {leading} only")
            raise NotRight(f", {verdict}", _mistake(line, right))
        if isinstance(verdict, zero.Agrees):
            raise WrongForm(
                "could not decide: it agrees at every point that was tried, but the algebra does "
                "not show it; write it in fewer steps"
            )

    return compare


def _same_in_the_limit(line: Expr, right: Expr, small: Symbol) -> bool:
    """Whether their quotient tends to 1; small is a step, or T, which is large"""
    dice = random.Random(0)
    symbols = sorted((line.free_symbols | right.free_symbols) - {small}, key=str)
    values = {symbol: mpmath.mpf(dice.uniform(0.3, 2)) for symbol in symbols}
    values[small] = mpmath.mpf(FAR if small.is_integer else 1 / FAR)
    with mpmath.workdps(zero.DIGITS[0]):
        one, other = (zero.value_at(e, values) for e in (line, right))
    return None not in (one, other) and abs(one - other) < 1e-9 * abs(other)


def _mistake(line: Expr, right: Expr) -> str:
    """What is wrong everywhere, if it has a name"""
    dice = random.Random(0)
    symbols = sorted(line.free_symbols | right.free_symbols, key=str)
    points = [{symbol: mpmath.mpf(dice.uniform(0.3, 2)) for symbol in symbols} for _ in range(5)]
    values = [[zero.value_at(e, point) for point in points] for e in (line, right)]
    return "" if any(None in row for row in values) else simple_mistake(values[0], values[1])


def _expression(given: Any, names: tuple[str, ...]) -> Expr:
    """In the ledger's symbols, finite, with no functions but those of `writing`."""
    expression = writing.expression(given, {name: SYMBOLS[name] for name in names})
    if expression is None:
        raise WrongForm(f"this is {kind_of(given)}")
    if expression.has(sympy.Derivative, sympy.Integral, sympy.Limit):
        expression = expression.doit()
    simple = sympy.Add | sympy.Mul | sympy.Pow | sympy.exp | sympy.log | Symbol
    for part in sympy.preorder_traversal(expression):
        if not isinstance(part, simple) and not part.is_number:
            raise WrongForm(f"{type(part).__name__} cannot be part of it: only sqrt, exp, log")
        if part.is_Pow and part.exp.is_number and not abs(part.exp) <= HIGHEST:
            raise WrongForm(f"the power {str(part.exp)[:20]} is too high")
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
        raise WrongForm("it is not finite and real: look for a division by 0 or a root of -1")
    return notation.without_floats(expression)
