"""A row of the ledger: a claim, and a function of the rows it rests on that derives it.

    @row("The posterior ...", "01", setting, claim={"mean": equation(mu_Q, ...)})
    def F3(F1, F2):
        yield Line("bayes", "Bayes' rule ...", equation(log_q, ... F2.mean ...))

The claim is typed, the lines are computed from it never. What the function is passed is all that
the row rests on; `F2.mean` is the right side of a form of F2.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import mpmath
import sympy
from sympy import Basic, Eq, Expr, Ge, Indexed, Symbol, Tuple
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from .judge import Loose, ProofError, hold, hold_claim, in_full, opaque, understood
from .notation import NOISE, in_gamma, is_name, latex

PROVED, DEFINED, IN_WORDS = WORDS = "proved", "defined", "in words"
PARTLY = "partly in words"  # what is said of a form that a line arrives at, but not by lines alone
ROWS: dict[str, Row] = {}  # tag -> row: where a function finds the rows that it rests on


# --- the steps of a derivation -------------------------------------------------------------------


class Statement:
    """A step: how to find it, `row["name"]`, unique in its row; why, in words; what comes of it. A
    step that bears the name of a form of the claim arrives at it; it may leave the form unsaid."""

    name: str
    text: str
    expression: Basic | None
    manner = ""  # what comes before the words

    @property
    def lines(self) -> tuple[Relational, ...]:
        """The equations and inequalities that it states"""
        if self.expression is None:
            return ()
        return tuple(self.expression) if isinstance(self.expression, Tuple) else (self.expression,)

    @property
    def shown(self) -> str:
        return "" if self.expression is None else latex(self.expression)

    def _repr_latex_(self) -> str:
        below = f"\n$$\\displaystyle {self.shown}$$" if self.shown else ""
        return f"{self.manner}{self.text}{below}"

    def __repr__(self) -> str:
        below = "" if self.expression is None else f"\n    {self.expression}"
        return f"{self.manner}{self.text}{below}"


@dataclass(frozen=True, repr=False)
class Line(Statement):
    """Equations, or an inequality `>= 0`, held against the definitions and the lines before. A left
    side that is a name, and new, gets its meaning.

    Attributes:
        means: what a new left side stands for: the line reads left = means = right.
        gives: the left side is a symbol of the notation, and the line gives it its meaning.
        case: it is the line before with this put in.
    """

    name: str
    text: str
    expression: Basic | None = None
    means: Expr | None = None
    gives: bool = False
    case: Mapping[Basic, Expr] | None = None

    @property
    def shown(self) -> str:
        if self.means is None or self.means == self.lines[0].rhs:
            return super().shown
        return f"{latex(self.lines[0].lhs)} = {latex(self.means)} = {latex(self.lines[0].rhs)}"


@dataclass(frozen=True, repr=False)
class Define(Statement):
    """Symbols get their meaning, by choice: nothing is proved. Without a name it is not shown."""

    meanings: Mapping[Basic, Expr]
    name: str = ""
    text: str = ""

    @property
    def expression(self) -> Basic:  # type: ignore[override]
        said = [Eq(short, long, evaluate=False) for short, long in self.meanings.items()]
        return said[0] if len(said) == 1 else Tuple(*said)


@dataclass(frozen=True, repr=False)
class Words(Statement):
    """Argued, and not checked by the machine. `for_`: the forms that need it, besides the one that
    it arrives at."""

    name: str
    text: str
    expression: Basic | None = None
    for_: tuple[str, ...] = ()
    manner = "(in words) "


@dataclass(frozen=True)
class Digits:
    """A number that is claimed to the digits written down, and what was computed.

    `error` bounds what the computation itself may be off by (of a quadrature, its estimate).
    """

    what: str
    claimed: str
    computed: mpmath.mpf
    error: mpmath.mpf = mpmath.mpf(0)

    @property
    def holds(self) -> bool:
        """Whether the computed number, give or take its error, rounds to the claimed one."""
        half_a_digit = mpmath.mpf(10) ** Decimal(self.claimed).as_tuple().exponent / 2
        off = abs(self.computed - mpmath.mpf(self.claimed))
        return bool(off <= half_a_digit + self.error and self.error <= half_a_digit)


@dataclass(frozen=True)
class Numbers(Statement):
    """What is computed: each number is held to its digits."""

    name: str
    text: str
    numbers: tuple[Digits, ...]
    expression = None

    @property
    def shown(self) -> str:
        said = ((n.what, *n.claimed.partition("e")) for n in self.numbers)
        lines = (f"{what} & {d}" + rf"\cdot10^{{{p}}}" * bool(e) for what, d, e, p in said)
        return r"\begin{array}{lr}" + r" \\ ".join(lines) + r"\end{array}"

    def __repr__(self) -> str:
        return "\n    ".join([self.text, *(f"{n.what}: {n.claimed}" for n in self.numbers)])


Steps = Iterator[Statement]


class Premise:
    """A row as a derivation gets it: `F2.mean` is a form of it, and that it was asked is noted."""

    def __init__(self, row: Row, asked: list[tuple[Row, str]]):
        self._row, self._asked = row, asked

    def __getattr__(self, form: str) -> Expr:
        self._asked.append((self._row, form))
        return self._row.form(form)


# --- the proof -----------------------------------------------------------------------------------


class Page:
    """A derivation, held step by step: what has a meaning, which forms it has arrived at, and what
    each of them rests on."""

    def __init__(self, row: Row):
        self.row, self.tag = row, row.tag
        self.meanings: dict[Basic, Expr] = {}
        self.steps: dict[str, Statement] = {}
        self.arrived: dict[str, Relational] = {}
        self.defined: set[Basic] = set()  # the symbols that `Define` gave a meaning
        self.named: dict[Basic, str] = {}  # symbol -> the line that gives it a meaning
        self.read: set[Basic] = set()  # the symbols of the lines that were compared
        self.lines: list[Basic] = list(row.claim.values())
        self.borrowed: dict[str, set[tuple[str, str]]] = {}  # form -> words of the forms asked for
        asked: list[tuple[Row, str]] = []
        so_far: set[tuple[str, str]] = set()
        for step in row.run(asked):
            so_far = so_far | {(other.words[form], other.tag) for other, form in asked}
            asked.clear()
            self.take(step)
            if step.name in row.claim:
                self.arrived[step.name] = step.expression
                self.borrowed[step.name] = so_far
        for form in row.claim:
            self.hold(form)
        for symbol, step_name in self.named.items():
            claimed = any(symbol in e.free_symbols for e in row.claim.values())
            if symbol not in self.read and not claimed:
                raise Loose(self.tag, step_name, f"nothing is compared with {symbol}")

    def take(self, step: Statement) -> None:
        """Hold a step, or take what it defines."""
        if isinstance(step, Define):
            for symbol, meaning in step.meanings.items():
                self.give(symbol, meaning, step.name)
            self.defined |= set(step.meanings)
            if not step.name:
                return
        if not step.name or step.name in self.steps:
            raise Loose(self.tag, step.name or "a step", "each step needs a name of its own")
        kind = Ge if isinstance(step, Words) else Eq
        if step.name in self.row.claim and not isinstance(step.expression, kind):
            raise Loose(self.tag, step.name, "what proves a form has to be one equation")
        for number in step.numbers if isinstance(step, Numbers) else ():
            if not number.holds:
                reason = f"{number.what} is {number.computed}, not {number.claimed}"
                raise ProofError(self.tag, step.name, reason)
        self.steps[step.name] = step
        if isinstance(step, Line):
            for line in step.lines:
                self.held(step, line)

    def give(self, symbol: Basic, meaning: Expr, step: str) -> None:
        if symbol in self.meanings:
            raise Loose(self.tag, step, f"{symbol} has a meaning already")
        self.meanings[symbol] = meaning
        self.lines.append(Tuple(symbol, meaning))
        in_full(symbol, self.meanings)

    def held(self, step: Line, line: Relational) -> None:
        if line.lhs == line.rhs:
            raise Loose(self.tag, step.name, f"says nothing: {line}")
        left, right = line.lhs, line.rhs
        self.lines.append(line)
        if step.gives or step.means is not None or (is_name(left) and left not in self.meanings):
            if not isinstance(left, Symbol):
                raise Loose(self.tag, step.name, f"{left} is not a symbol")
            self.give(left, right if step.means is None else step.means, step.name)
            if step.means is None:
                if line is self.row.claim.get(step.name):
                    raise Loose(self.tag, step.name, f"nothing but the claim says what {left} is")
                self.named[left] = step.name
                return
        self.read |= line.free_symbols
        for symbol in line.free_symbols & set(self.meanings):
            self.read |= in_full(symbol, self.meanings, self.read)
        if isinstance(line, Ge):
            if not in_full(left - right, self.meanings).is_nonnegative:
                raise ProofError(self.tag, step.name, f"may be negative: {left - right}")
        elif step.case is not None:
            known = list(self.steps.values())[-2].lines[0].subs(step.case)
            hold(self.tag, step.name, opaque(left - right), opaque(known.lhs - known.rhs))
        else:
            hold(self.tag, step.name, *(in_full(e, self.meanings) for e in (left, right)))

    def hold(self, form: str) -> None:
        """Hold one form of the ledger, both sides, against the line that arrives at it."""
        claim, line = self.row.claim[form], self.arrived.get(form)
        if line is None:
            raise Loose(self.tag, form, f"no step arrives at it: {claim}")
        if type(line) is not type(claim):
            raise ProofError(self.tag, form, f"{line} arrives at it")
        if claim.lhs == claim.rhs:
            raise Loose(self.tag, form, f"says nothing: {claim}")
        hold(self.tag, form, opaque(line.lhs - line.rhs), opaque(claim.lhs - claim.rhs))
        signed = form not in self.row.nonnegative
        if not signed and not (claim.rhs.is_nonnegative or line.rhs.is_nonnegative):
            raise ProofError(self.tag, form, f"may be negative: {claim.rhs}")

    # --- what is said of the proof ---------------------------------------------------------------

    def word(self, form: str) -> tuple[str, list[str]]:
        """What a form is: proved, defined, or in words; and by which steps or rows"""
        words = (s for s in self.steps.values() if isinstance(s, Words))
        origins = [s.name for s in words if form in (s.name, *s.for_)]
        origins += sorted(tag for borrowed, tag in self.borrowed[form] if borrowed == IN_WORDS)
        if origins:
            return IN_WORDS, [origin for origin in origins if origin != form]
        left = self.row.claim[form].lhs  # of a symbol that was defined, a line has to compute it
        restated = self.steps[form].expression is self.row.claim[form] and left in self.defined
        only_named = self.named.get(left) == form and left not in self.read
        defined = isinstance(self.steps[form], Define) or restated or only_named
        return DEFINED if defined else PROVED, []

    def summary(self, yours: set[str]) -> str:
        """The line of a proof: its forms by their words, what it rests on"""
        by_word: dict[str, list[str]] = {word: [] for word in (PROVED, DEFINED, PARTLY, IN_WORDS)}
        because: dict[str, dict[str, None]] = {word: {} for word in by_word}
        for form in self.row.claim:
            word, reasons = self.word(form)
            if word == IN_WORDS and not isinstance(self.steps[form], Words):
                word = PARTLY
            by_word[word].append(f"{form} (yours)" if form in yours else form)
            because[word] |= dict.fromkeys(reasons)
        parts: list[str] = []
        for word, forms in by_word.items():
            if forms:
                steps = "" if parts else f" in {len(self.steps)} steps"
                why = f" ({'; '.join(because[word])})" if because[word] else ""
                parts.append(f"{word}: {', '.join(forms)}{steps}{why}")
        words = (s for s in self.steps.values() if isinstance(s, Words) and not s.for_)
        if remarks := [step.name for step in words if step.name not in self.row.claim]:
            parts.append(f"remarks in words: {', '.join(remarks)}")
        if counted := sum(len(s.numbers) for s in self.steps.values() if isinstance(s, Numbers)):
            parts.append(f"computed: {counted} numbers, to the digits shown")
        if self.row.rests_on:
            parts.append(f"rests on {', '.join(sorted(self.row.rests_on))}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Closed:
    """A proof that closed. `words`: for each form whether it is proved, defined or in words;
    `yours`: the forms that a reader gave."""

    tag: str
    how: str
    words: Mapping[str, str]
    yours: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{self.tag} {self.how}"


@dataclass(frozen=True)
class Derivation:
    """A whole row to look at: the statement, the steps in order, the proof."""

    statement: Row
    steps: tuple[Statement, ...]
    proof: Closed

    def _repr_latex_(self) -> str:
        numbered = (f"({n}) {step._repr_latex_()}" for n, step in enumerate(self.steps, start=1))
        return "\n".join((self.statement._repr_latex_(), *numbered, f"{self.proof!r}."))

    def __repr__(self) -> str:
        return "\n".join(map(repr, (self.statement, *self.steps, self.proof)))


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the ledger.

    Attributes:
        tag: F1 ... X7.
        title: what it says, in words.
        notebook: number of the lesson that teaches it.
        setting: a sentence with the objects that it speaks of.
        claim: form name -> equation. One row may state several forms (a mean, a variance).
        derivation: gets the rows that it rests on, and yields the steps.
        nonnegative: forms that must also be seen, by their signs, to be at least 0.
    """

    tag: str
    title: str
    notebook: str
    setting: str
    claim: Mapping[str, Relational]
    derivation: Callable[..., Iterator[Statement]]
    nonnegative: tuple[str, ...] = ()

    def latex(self) -> str:
        """The statement, numbered by its tag."""
        signs = {e: r"\ge" if isinstance(e, Ge) else "=" for e in self.claim.values()}
        lines = [f"{latex(e.lhs)} &{sign} {latex(e.rhs)}" for e, sign in signs.items()]
        body = " \\\\\n".join(lines)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}} \\tag{{{self.tag}}}"

    def _repr_latex_(self) -> str:
        return f"{self.title}. {self.setting}\n$${self.latex()}$$"

    def __repr__(self) -> str:
        return f"{self.tag}: {self.title}"

    def form(self, form: str) -> Expr:
        """The right side of one form of the claim. KeyError, with the forms there are, if none."""
        if form not in self.claim:
            raise KeyError(f"form of {self.tag} must be one of {list(self.claim)}; got {form!r}")
        return self.claim[form].rhs

    @property
    def rests_on(self) -> tuple[str, ...]:
        """The tags of the rows that the derivation is passed"""
        return tuple(inspect.signature(self.derivation).parameters)

    @property
    def symbols(self) -> dict[str, Symbol]:
        """What a claim of your own may be made of: name -> symbol. The noise, and what this row
        ties together."""
        lines = self._page.lines
        symbols = {s for line in lines for s in line.free_symbols if isinstance(s, Symbol)}
        return {symbol.name: symbol for symbol in sorted(symbols | NOISE, key=str)}

    @property
    def words(self) -> dict[str, str]:
        """form -> proved, defined, or in words"""
        return {form: self._page.word(form)[0] for form in self.claim}

    def derive(self) -> Iterator[Statement]:
        """The steps, one by one: `next(steps)` in a cell, or a loop that displays them."""
        return (step for step in self.run([]) if step.name)

    def run(self, asked: list[tuple[Row, str]]) -> Iterator[Statement]:
        """The steps, with definitions that are not shown. `asked` takes down the forms of other
        rows that are asked for."""
        for step in self.derivation(*(Premise(ROWS[tag], asked) for tag in self.rests_on)):
            if step.expression is None and isinstance(step, Line | Words):
                step = replace(step, expression=self.claim.get(step.name))
            yield step

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the steps, in order."""
        return tuple(self._by_name)

    def __getitem__(self, names: str | tuple[str, ...]) -> Any:
        """The step of that name, or a tuple of steps: row["mean"], row["joint", "mean"].

        Raises KeyError, with the names there are, if there is no such step.
        """
        if isinstance(names, tuple):
            return tuple(self[name] for name in names)
        if names not in self._by_name:
            raise KeyError(f"step of {self.tag} must be one of {list(self.steps)}; got {names!r}")
        return self._by_name[names]

    @cached_property
    def _by_name(self) -> dict[str, Statement]:
        return {step.name: step for step in self.derive()}

    def show(self) -> Derivation:
        """The statement, all steps and the proof, as one thing to display."""
        return Derivation(self, self[self.steps], self.prove())

    def prove(self, claim: Mapping[str, Expr | Eq] | Expr | Eq | None = None) -> Closed:
        """Run the derivation, hold each of its lines against the definitions and the lines before,
        and hold each form of the claim, both sides, against the line that arrives at it.

        Args: claim, form name -> your formula for it: an expression for the right side, or a whole
            equation with the left side of the form. A row with one form needs no name, nor does a
            whole equation.

        Raises ProofError: `Wrong` with a point where the two sides differ; `Undecided` if numbers
            agree but algebra cannot show it; `Unclear` if your claim cannot be compared with the
            form; `Loose` if a line is compared with nothing.
        """
        yours = understood(self.tag, self.claim, claim)
        if not yours:
            self.__dict__.pop("_page", None)  # once more from the beginning
        page = self._page
        for form, given in yours.items():
            known = page.meanings, self.symbols, page.lines
            hold_claim(self.tag, form, given, self.claim[form], *known)
        return Closed(self.tag, page.summary(set(yours)), self.words, tuple(yours))

    @cached_property
    def _page(self) -> Page:
        """The derivation, with all of its lines and the ledger's own claims held"""
        return Page(self)

    def lambdify(self, form: str, modules: str = "numpy") -> Callable[..., Any]:
        """One form as a numeric function. Its keyword arguments are named as the symbols are; all
        noise enters through gamma (gamma_s, gamma_t, gamma_0 or gamma_1). What has an index
        (delta in L2) is an array.

        Raises ValueError if the form has functions in it that are not specified.
        """
        expression = in_gamma(self.form(form)).replace(Indexed, lambda base, j: base[j - 1])
        if unspecified := expression.atoms(AppliedUndef):
            raise ValueError(f"form {form!r} of {self.tag} cannot be computed: {unspecified}")
        symbols = expression.atoms(sympy.Symbol) & expression.free_symbols
        arguments = sorted(symbols, key=lambda symbol: symbol.name)
        function = sympy.lambdify(arguments, expression, modules)
        names = ", ".join(symbol.name for symbol in arguments)
        function.__doc__ = f"{self.tag}, {self.claim[form]}.\n\nKeyword arguments: {names}."
        return function


def row(
    title: str, notebook: str, setting: str, claim: Mapping[str, Relational], **more: Any
) -> Callable[[Callable[..., Iterator[Statement]]], Row]:
    """Turn a derivation into the row that bears its name: the statement stands above the function,
    the proof inside it. `more`: as in `Row`."""

    def with_proof(derivation: Callable[..., Iterator[Statement]]) -> Row:
        tag = derivation.__name__
        ROWS[tag] = Row(tag, title, notebook, setting, claim, derivation, **more)
        return ROWS[tag]

    return with_proof
