"""What a row of the ledger is: a claim, a derivation in visible steps, and a proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy
from sympy import Basic, Eq, Expr, Indexed
from sympy.core.function import AppliedUndef

from ._page import Page, ProofError, compare
from ._step import Step, latex
from .notation import in_gamma


@dataclass(frozen=True)
class Proof:
    """A proof that closed: which forms of the claim, in how many steps, what of it is not the
    machine's, and the seconds that the processor took (less when it has seen the lines before)."""

    tag: str
    how: str
    seconds: float

    def __repr__(self) -> str:  # without the time, which differs from run to run
        return f"{self.tag} {self.how}"


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


@dataclass(frozen=True)
class Row:
    """A row of the ledger.

    Attributes:
        tag: F1 ... X7.
        title: what it says, in words.
        setting: a sentence with the objects that it speaks of.
        claim: form name -> equation. One row may state several forms (a mean, a variance).
        derivation: yields the steps; it starts from definitions and rows proved before, and never
            looks at the claim.
        notebook: number of the lesson that teaches it.
        where: symbol -> what it stands for in this row; the lines are held against it.
        nonnegative: forms that must also be seen, by their signs, to be at least 0.
        trust: what the proof uses that neither this row nor another proves.
    """

    tag: str
    title: str
    setting: str
    claim: Mapping[str, Eq]
    derivation: Callable[[], Iterator[Step]]
    notebook: str
    where: Mapping[Basic, Expr] = field(default_factory=dict)
    nonnegative: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()

    def latex(self) -> str:
        """The statement, numbered by its tag."""
        lines = [f"{latex(e.lhs)} &= {latex(e.rhs)}" for e in self.claim.values()]
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

    def derive(self) -> Iterator[Step]:
        """The steps, one by one: `next(steps)` in a cell, or a loop that displays them."""
        return self.derivation()

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

    def prove(self, claim: Mapping[str, Expr | Eq] | None = None) -> Proof:
        """Run the derivation, hold each of its lines against the definitions and the lines before,
        and hold each form of the claim, both sides, against the line that arrives at it.

        Args: claim, form name -> what to put in place of the claim, to see that a wrong formula
            fails: an expression for the right side, or a whole equation.

        Raises ProofError: `Wrong` with a point where the two sides differ; `Undecided` if numbers
            agree but algebra cannot show it; `Loose` if a line is compared with nothing.
        """
        start = time.process_time()
        for form in claim or {}:
            self.form(form)
        if claim is None:
            self.__dict__.pop("_page", None)  # once more from the beginning
        page = self._page
        for form, equation in self.claim.items():
            if form in (claim or {}):
                compare(self, form, (claim or {})[form], page)
            elif form not in page.held:
                compare(self, form, equation, page)
                page.held.add(form)
        for form in self.nonnegative:
            written = (self.claim[form].rhs, page.arrived[form].rhs)
            if not any(expression.is_nonnegative for expression in written):
                raise ProofError(self.tag, form, f"may be negative: {written[0]}")
        return Proof(self.tag, page.summary(self), time.process_time() - start)

    @cached_property
    def _page(self) -> Page:
        """The derivation, with all of its lines held"""
        page = Page(self)
        for step in self.derive():
            page.take(step)
        page.close()
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
    title: str,
    setting: str,
    claim: Mapping[str, Eq],
    notebook: str,
    where: Mapping[Basic, Expr] | None = None,
    nonnegative: tuple[str, ...] = (),
    trust: tuple[str, ...] = (),
) -> Callable[[Callable[[], Iterator[Step]]], Row]:
    """Turn a derivation into the row that bears its name: the statement stands above the function,
    the proof inside it."""

    def with_proof(derivation: Callable[[], Iterator[Step]]) -> Row:
        tag = derivation.__name__
        return Row(
            tag, title, setting, claim, derivation, notebook, where or {}, nonnegative, trust
        )

    return with_proof
