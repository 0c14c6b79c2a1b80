"""What a row of the ledger is: a claim, a derivation in visible steps, and a proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy
from sympy import Basic, Eq, Expr, Ge, Indexed, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import notation
from ._claim import compare, hold, understood
from ._page import Page, ProofError
from ._step import Step, latex
from .notation import in_gamma

# The forms of rows that were asked for since the last call of `_taken`: what a line rests on is
# recorded, not typed.
_ASKED: set[tuple[Row, str]] = set()


def _taken() -> set[tuple[Row, str]]:
    asked = set(_ASKED)
    _ASKED.clear()
    return asked


@dataclass(frozen=True)
class Proof:
    """A proof that closed. `words`: for each form whether it is proved, defined, in words or on
    trust; `yours`: the forms that a reader gave; the seconds that the processor took (less when it
    has seen the lines before)."""

    tag: str
    how: str
    words: Mapping[str, str]
    yours: tuple[str, ...]
    seconds: float

    def __repr__(self) -> str:  # without the time, which differs from run to run
        return f"{self.tag} {self.how}"


@dataclass(frozen=True)
class Basis:
    """What a row rests on, as its proof asked for it: the tags of rows, the meanings given to
    symbols, the steps in words, and the theorems taken on trust."""

    tag: str
    rows: tuple[str, ...]
    definitions: tuple[Eq, ...]
    in_words: tuple[str, ...]
    on_trust: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"{self.tag} rests on {', '.join(self.rows) or 'no other row'}; "
            f"definitions: {', '.join(str(e.lhs) for e in self.definitions) or 'none'}; "
            f"in words: {', '.join(self.in_words) or 'nothing'}; "
            f"on trust: {'; '.join(self.on_trust) or 'nothing'}"
        )


@dataclass(frozen=True)
class Derivation:
    """A whole row to look at: the statement, the steps in order, the proof."""

    statement: Row
    steps: tuple[Step, ...]
    proof: Proof

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
        setting: a sentence with the objects that it speaks of.
        claim: form name -> equation. One row may state several forms (a mean, a variance).
        derivation: yields the steps; it starts from definitions and rows proved before.
        notebook: number of the lesson that teaches it.
        where: symbol -> what it stands for in this row; the lines are held against it.
        nonnegative: forms that must also be seen, by their signs, to be at least 0.
        defined: forms that are a choice of the model: there is nothing to prove.
        trust: theorem -> the forms that use it, where neither this row nor another proves it.
        asked: the forms of other rows that the claim and `where` are made of.
    """

    tag: str
    title: str
    setting: str
    claim: Mapping[str, Relational]
    derivation: Callable[[], Iterator[Step]]
    notebook: str
    where: Mapping[Basic, Expr] = field(default_factory=dict)
    nonnegative: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
    trust: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: frozenset[tuple[Row, str]] = frozenset()

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
        _ASKED.add((self, form))
        return self.claim[form].rhs

    @property
    def symbols(self) -> dict[str, Symbol]:
        """What a claim of your own may be made of: name -> symbol, the notation's and the row's."""
        symbols = {s for s in vars(notation).values() if isinstance(s, Symbol)}
        lines = [*self.claim.values(), *self.where, *self._page.lines]
        symbols |= {s for line in lines for s in line.free_symbols if isinstance(s, Symbol)}
        return {symbol.name: symbol for symbol in sorted(symbols, key=str)}

    @property
    def words(self) -> dict[str, str]:
        """form -> proved, defined, in words, or on trust"""
        return {form: self._page.word(form)[0] for form in self.claim}

    @property
    def rests_on(self) -> Basis:
        """What the proof asks for: other rows, definitions, steps in words, theorems on trust."""
        page = self._page
        return Basis(
            self.tag,
            tuple(sorted({row.tag for row, _ in page.asked})),
            tuple(Eq(short, long, evaluate=False) for short, long in page.meanings.items()),
            tuple(step.name for step in page.steps.values() if step.in_words),
            tuple(self.trust),
        )

    def derive(self) -> Iterator[Step]:
        """The steps, one by one: `next(steps)` in a cell, or a loop that displays them."""
        for step in self.derivation():
            if step.expression is None:
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
    def _by_name(self) -> dict[str, Step]:
        return {step.name: step for step in self.derive()}

    def show(self) -> Derivation:
        """The statement, all steps and the proof, as one thing to display."""
        return Derivation(self, tuple(self.derive()), self.prove())

    def prove(self, claim: Mapping[str, Expr | Eq] | Expr | Eq | None = None) -> Proof:
        """Run the derivation, hold each of its lines against the definitions and the lines before,
        and hold each form of the claim, both sides, against the line that arrives at it.

        Args: claim, form name -> your formula for it: an expression for the right side, or a whole
            equation with the left side of the form. A row with one form needs no name, nor does a
            whole equation.

        Raises ProofError: `Wrong` with a point where the two sides differ; `Undecided` if numbers
            agree but algebra cannot show it; `Unclear` if your claim cannot be compared with the
            form; `Loose` if a line is compared with nothing.
        """
        start = time.process_time()
        yours = understood(self, claim)
        if not yours:
            self.__dict__.pop("_page", None)  # once more from the beginning
        for form, given in yours.items():
            compare(self, form, given, self._page)
        how = self._page.summary(set(yours))
        return Proof(self.tag, how, self.words, tuple(yours), time.process_time() - start)

    @cached_property
    def _page(self) -> Page:
        """The derivation, with all of its lines and the ledger's own claims held"""
        page, steps = Page(self), iter(self.derive())
        while True:
            _taken()
            step = next(steps, None)
            if step is None:
                break
            page.take(step, _taken())
        page.close()
        for form in self.claim:
            hold(self, form, page)
        for form in self.nonnegative:
            written = (self.claim[form].rhs, page.arrived[form].rhs)
            if not any(expression.is_nonnegative for expression in written):
                raise ProofError(self.tag, form, f"may be negative: {written[0]}")
        return page

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
    title: str, setting: str, claim: Mapping[str, Relational], notebook: str, **more: Any
) -> Callable[[Callable[[], Iterator[Step]]], Row]:
    """Turn a derivation into the row that bears its name: the statement stands above the function,
    the proof inside it. `more`: as in `Row`."""
    asked = frozenset(_taken())

    def with_proof(derivation: Callable[[], Iterator[Step]]) -> Row:
        tag = derivation.__name__
        return Row(tag, title, setting, claim, derivation, notebook, **more, asked=asked)

    return with_proof
