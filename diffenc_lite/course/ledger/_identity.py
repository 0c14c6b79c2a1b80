"""What an identity of the ledger is: a claim, a derivation in visible steps, and a proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sympy
from sympy import Basic, Eq, Expr, Indexed, Tuple, factor
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter

from .notation import epsilon, epsilonhat, in_gamma, reduced


@dataclass(frozen=True)
class Step:
    """One line of a derivation: why, and what comes of it.

    `proves` names the form of the claim that this line arrives at, if it arrives at one; the
    expression is then an equation, and its right side is held against the claim by `prove`.
    """

    text: str
    expression: Basic
    proves: str | None = None

    def _repr_latex_(self) -> str:
        return f"{self.text}\n$$\\displaystyle {_latex(self.expression)}$$"

    def __repr__(self) -> str:
        return f"{self.text}\n    {self.expression}"


@dataclass(frozen=True)
class Proof:
    """A proof that closed: which forms of the claim, in how many steps, in how many seconds."""

    tag: str
    how: str
    seconds: float

    def __repr__(self) -> str:  # without the time, which differs from run to run
        return f"{self.tag} proved: {self.how}"


@dataclass(frozen=True)
class Derivation:
    """A whole row to look at: the statement, the steps in order, the proof."""

    statement: Identity
    steps: tuple[Step, ...]
    proof: Proof

    def _repr_latex_(self) -> str:
        numbered = (f"({n}) {step._repr_latex_()}" for n, step in enumerate(self.steps, start=1))
        return "\n".join((self.statement._repr_latex_(), *numbered, f"{self.proof!r}."))

    def __repr__(self) -> str:
        return "\n".join(map(repr, (self.statement, *self.steps, self.proof)))


class ProofError(Exception):
    """The claim is not what the derivation arrives at; `difference` is what is left over."""

    def __init__(self, tag: str, form: str, reason: str, difference: Expr):
        super().__init__(f"{tag}, {form}: {reason}: {difference}")
        self.tag, self.form, self.difference = tag, form, difference


@dataclass(frozen=True)
class Identity:
    """A row of the ledger.

    Attributes:
        tag: F1 ... X7.
        title: what it says, in words.
        setting: a sentence with the objects that it speaks of.
        claim: form name -> equation. One row may state several forms (a mean, a variance).
        derivation: yields the steps; it starts from definitions and rows proved before, and never
            looks at the claim.
        notebook: number of the lesson that teaches it.
        nonnegative: forms that must also be seen, by their signs, to be at least 0.
    """

    tag: str
    title: str
    setting: str
    claim: Mapping[str, Eq]
    derivation: Callable[[], Iterator[Step]]
    notebook: str
    nonnegative: tuple[str, ...] = ()

    def latex(self) -> str:
        """The statement, numbered by its tag."""
        lines = [f"{_latex(e.lhs)} &= {_latex(e.rhs)}" for e in self.claim.values()]
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

    def show(self) -> Derivation:
        """The statement, all steps and the proof, as one thing to display."""
        return Derivation(self, tuple(self.derive()), self.prove())

    def prove(self, claim: Mapping[str, Expr] | None = None) -> Proof:
        """Run the derivation and hold each form of the claim against the line that arrives at it.

        Args: claim, form name -> expression: put this in place of the claimed right side, to see
            that a wrong formula fails.

        Raises ProofError with the remaining difference if derived - claimed is not 0, if no step
        arrives at a form, or if a form that must not be negative is not visibly so.
        """
        for form in claim or {}:
            self.form(form)
        claimed = {form: equation.rhs for form, equation in self.claim.items()} | dict(claim or {})
        start, lines, arrived = time.perf_counter(), 0, []
        for step in self.derive():
            lines += 1
            if step.proves is not None:
                difference = reduced(step.expression.rhs - claimed[step.proves])
                if difference != 0:
                    raise ProofError(
                        self.tag, step.proves, "derived - claimed is not 0", factor(difference)
                    )
                arrived.append(step.proves)
        for form in claimed.keys() - arrived:
            raise ProofError(self.tag, form, "no step arrives at it", claimed[form])
        for form in self.nonnegative:
            if not claimed[form].is_nonnegative:
                raise ProofError(self.tag, form, "may be negative", claimed[form])
        return Proof(
            self.tag, f"{', '.join(arrived)} in {lines} steps", time.perf_counter() - start
        )

    def lambdify(self, form: str, modules: str = "numpy") -> Callable[..., object]:
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


def identity(
    title: str,
    setting: str,
    claim: Mapping[str, Eq],
    notebook: str,
    nonnegative: tuple[str, ...] = (),
) -> Callable[[Callable[[], Iterator[Step]]], Identity]:
    """Turn a derivation into the Identity that bears its name: the statement stands above the
    function, the proof inside it."""

    def with_proof(derivation: Callable[[], Iterator[Step]]) -> Identity:
        tag = derivation.__name__
        return Identity(tag, title, setting, claim, derivation, notebook, nonnegative)

    return with_proof


NAMES = {epsilon: r"\varepsilon", epsilonhat: r"\hat{\varepsilon}"}  # as in the prose


class _Printer(LatexPrinter):
    """LaTeX as one would write it by hand: x_t - x_s rather than -x_s + x_t."""

    def _as_ordered_terms(self, expr: Expr, order: str | None = None) -> list[Expr]:
        terms = super()._as_ordered_terms(expr, order)
        return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))

    def _print_Tuple(self, expr: Tuple) -> str:
        return r",\qquad ".join(map(self._print, expr))


def _latex(expression: Basic) -> str:
    return _Printer({"ln_notation": True, "symbol_names": NAMES}).doprint(expression)
