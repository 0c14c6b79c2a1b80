"""A row of the ledger: a list of entries, each of one of four kinds and all of them shown.

    @row("The posterior ...", "01", "...", forms="variance mean")
    def F3(D):
        D.given("bayes", "Bayes' rule", "...", q_st, q_ts + q_s - q_t)     # lent by mathematics
        D.define("density", "...", sigma_Q, sqrt(-1 / Derivative(q_st, (z_s, 2))))     # a choice
        D.step("variance", "...", sigma_Q**2, sigma_s**2 * c, uses="density bayes F1.density@s ...")
        D.argue("tower", "the average over the data", "...")              # in words

A step is checked with the entries that it uses put in, and with these alone: one that is left out
makes it fail, and so does one that is not needed. What is said of a form is computed from all that
it rests on, never declared. `F1.density@s` is an entry at another depth, `use("L1.gibbs", {a: q})`
at other values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy
from sympy import Basic, Eq, Expr, Ge, Indexed, Symbol, Tuple
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import checking
from .judge import CALCULUS, Form, Loose, ProofError, hold_claim, understood
from .laws import LAWS
from .notation import DEPTH_MAPS, NOISE, in_gamma, j, latex

NAMES = "F1.latent", "G4.turned", "G4.guess", "G4.noise_guess"  # what a claim may always be put in
PROVED, DEFINED, ARGUED = WORDS = "proved", "defined", "argued"
ROWS: dict[str, Row] = {}  # tag -> row, in the order in which they were made


@dataclass(frozen=True)
class Use:
    """An entry, "F1.density", or an instance of it: with other values for its symbols"""

    key: str
    values: tuple[tuple[Basic, Basic], ...] = ()
    where: str = ""

    def __str__(self) -> str:
        return self.key + self.where


def use(key: str, values: Mapping[Basic, Any]) -> Use:
    """An entry with other values for its symbols"""
    put = {symbol: sympy.sympify(value) for symbol, value in values.items()}
    shown = ", ".join(f"{symbol} = {value}" for symbol, value in put.items())
    return Use(key, tuple(put.items()), f" at {shown}")


@dataclass(frozen=True)
class Root:
    """What a line rests on in the end: a premise, a definition or words, or an instance of these"""

    entry: Line
    line: Relational | None


@dataclass(frozen=True)
class Fact:
    """What an entry, or an instance of it, says, and what that rests on"""

    line: Relational | None
    roots: tuple[Root, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Line:
    """One entry: `row[name]`. law: of which law a premise is an instance; of words, what they are
    about in short. witness: of an inequality, the same difference in a form seen to be at least 0.
    """

    tag: str
    name: str
    kind: str
    text: str
    line: Relational | None
    uses: tuple[Use, ...] = ()
    law: str = ""
    witness: Expr | None = None

    @property
    def key(self) -> str:
        return f"{self.tag}.{self.name}"

    @property
    def manner(self) -> str:
        """What comes before the words"""
        return {"given": f"(given: {self.law}) ", "argued": "(argued) ",
                "definition": "(definition) "}.get(self.kind, "")

    def _repr_latex_(self) -> str:
        below = "" if self.line is None else f"\n$$\\displaystyle {latex(self.line)}$$"
        return f"{self.manner}{self.text}{below}"

    def __repr__(self) -> str:
        below = "" if self.line is None else f"\n    {self.line}"
        used = f"  [{', '.join(map(str, self.uses))}]" if self.uses else ""
        return f"{self.manner}{self.text}{below}{used}"

    @cached_property
    def fact(self) -> Fact:
        roots = {root: None for use in self.uses for root in instance(use).roots}
        if self.kind != "step":
            roots[Root(self, self.line)] = None
        meanings: dict[Basic, Root] = {}
        for root in roots:
            if isinstance(root.line, Eq):
                handle, _ = checking.rule(root.line)
                if (other := meanings.setdefault(handle, root)).line != root.line:
                    both = f"{other.entry.key} and {root.entry.key}"
                    raise Loose(self.tag, self.name, f"{handle} has two meanings: {both}")
        return Fact(self.line, tuple(roots))


def entry(key: str) -> Line:
    tag, name = key.split(".")
    return ROWS[tag][name]


def instance(use: Use) -> Fact:
    """What an entry says with these values put in. Raises Loose if a value is not of the kind that
    the symbol is, and if a premise or a definition ties the symbol."""
    tag, name = use.key.split(".")
    fact = entry(use.key).fact
    values = dict(use.values)
    if use.where == "@j":
        values = checking.in_each([fact.line, *(root.line for root in fact.roots)], j)
    if not values:
        return fact
    if bad := checking.unlike(values):
        raise Loose(tag, name, f"{bad[0]} cannot be {bad[1]}")
    roots = []
    for root in fact.roots:
        line = checking.moved(root.line, values)
        if line != root.line and isinstance(line, Eq):
            before, after = (checking.rule(e)[0] for e in (root.line, line))
            if before == after or not checking.is_handle(after):
                raise Loose(tag, name, f"{before} is tied: {root.line}")
        roots.append(Root(root.entry, line))
    return Fact(checking.moved(fact.line, values), tuple(roots))


# --- the proof -----------------------------------------------------------------------------------


def check_line(step: Line) -> None:
    """Hold a step against what it uses: all of it, and each of it. Of a definition: a sign that is
    assumed of its symbol has to be seen."""
    if step.kind in ("given", "definition"):
        handle, meaning = checking.rule(step.line)
        if not checking.of_its_sign(handle, meaning):
            raise Loose(step.tag, step.name, f"that {handle} has its sign is a premise")
    if step.kind != "step":
        return
    if step.line is None or step.line.lhs == step.line.rhs:
        raise Loose(step.tag, step.name, f"says nothing: {step.line}")
    facts = {use: instance(use) for use in step.uses}
    for use, fact in facts.items():
        if fact.line is None:
            raise Loose(step.tag, step.name, f"{use} says nothing that can be used")
    checking.hold_step(step, [fact.line for fact in facts.values()])
    for use in facts:
        rest = [fact.line for other, fact in facts.items() if other is not use]
        if checking.follows(step, rest):
            raise Loose(step.tag, step.name, f"{use} is not needed")


@dataclass(frozen=True)
class Closed:
    """A proof that closed. `words`: for each form whether it is proved, defined or argued; `told`:
    the same with what it rests on; `yours`: the forms that a reader gave."""

    tag: str
    words: Mapping[str, str]
    told: Mapping[str, str]
    steps: int
    yours: tuple[str, ...]

    def __repr__(self) -> str:
        if self.yours:
            by_word = {self.told[form]: None for form in self.yours}
            names = ", ".join(f"{self.tag}.{form}" for form in self.yours)
            return f"equal to {names}; {'; '.join(by_word)}"
        return f"{self.tag} {summary(self.told)}; {self.steps} steps checked"


def summary(told: Mapping[str, str]) -> str:
    """The forms by what is said of them"""
    by_word: dict[str, list[str]] = {}
    for form, said in told.items():
        by_word.setdefault(said, []).append(form)
    return "; ".join(f"{', '.join(forms)}: {said}" for said, forms in by_word.items())


@dataclass(frozen=True)
class Derivation:
    """A whole row to look at: the statement, the entries in order, the proof."""

    statement: Row
    steps: tuple[Line, ...]
    proof: Closed

    def _repr_latex_(self) -> str:
        numbered = (f"({n}) {step._repr_latex_()}" for n, step in enumerate(self.steps, start=1))
        return "\n".join((self.statement._repr_latex_(), *numbered, f"{self.proof!r}."))

    def __repr__(self) -> str:
        return "\n".join([f"{self.statement:s}", *map(repr, self.steps), repr(self.proof)])


class Row:
    """A row of the ledger.

    Attributes:
        tag: F1 ... X7.
        title: what it says, in words.
        notebook: number of the lesson that teaches it.
        setting: a sentence with the objects that it speaks of.
        claim: form name -> its line. One row may state several forms (a mean, a variance).
    """

    def __init__(self, tag: str, title: str, notebook: str, setting: str, forms: str,
                 derivation: Callable[[Row], None]):
        self.tag, self.title, self.notebook, self.setting = tag, title, notebook, setting
        self._by_name: dict[str, Line] = {}
        derivation(self)
        for form in forms.split():
            if form not in self._by_name:
                raise Loose(tag, form, "no entry of that name")
        self.claim = {form: self[form].line for form in forms.split()}

    # --- what a derivation is made of ------------------------------------------------------------

    def given(self, name: str, law: str, text: str, left: Expr, right: Expr) -> None:
        """A premise: an instance of a law of LAWS."""
        if law not in LAWS:
            raise KeyError(f"law must be one of {list(LAWS)}; got {law!r}")
        self._meaning("given", name, text, left, right, law)

    def define(self, name: str, text: str, left: Expr, right: Expr) -> None:
        """A symbol gets its meaning, by choice. It may stand in no entry before."""
        self._meaning("definition", name, text, left, right, "")

    def step(self, name: str, text: str, left: Expr, right: Expr, uses: Any = "") -> None:
        """left = right, by what it uses."""
        line = Eq(left, right, evaluate=False)
        self._add(Line(self.tag, name, "step", text, line, self._uses(uses)))

    def at_least(self, name: str, text: str, left: Expr, uses: Any = "",
                 witness: Expr | None = None) -> None:
        """left >= 0, by what it uses. witness: the same in a form that is seen to be."""
        line = Ge(left, 0, evaluate=False)
        self._add(Line(self.tag, name, "step", text, line, self._uses(uses), witness=witness))

    def argue(self, name: str, about: str, text: str, line: Relational | None = None,
               uses: Any = "") -> None:
        """Words, which the machine does not check, and what they are about."""
        self._add(Line(self.tag, name, "argued", text, line, self._uses(uses), about))

    def _meaning(self, kind: str, name: str, text: str, left: Expr, right: Expr, law: str) -> None:
        line = Eq(left, sympy.sympify(right), evaluate=False)
        handle, meaning = checking.rule(line)
        before = [e.line for e in self._by_name.values() if e.line is not None]
        if not checking.is_handle(handle) or (kind == "definition" and Tuple(*before).has(handle)):
            raise Loose(self.tag, name, f"{handle} is not a symbol that is new")
        self._add(Line(self.tag, name, kind, text, line, (), law))
        checking.note(handle, meaning)

    def _uses(self, uses: Any) -> tuple[Use, ...]:
        listed = uses.split() if isinstance(uses, str) else uses
        return tuple(found for use in listed for found in self._use(use))

    def _use(self, use: str | Use) -> Iterable[Use]:
        if isinstance(use, str) and " " in use:
            return self._uses(use)
        if isinstance(use, Use):
            key = use.key if "." in use.key else f"{self.tag}.{use.key}"
            return [Use(key, use.values, use.where)]
        name, _, depth = use.partition("@")
        key = name if "." in name else f"{self.tag}.{name}"
        values = DEPTH_MAPS.get(depth, {})
        return [Use(key, tuple(values.items()), f"@{depth}" * bool(depth))]

    def _add(self, new: Line) -> None:
        if new.name in self._by_name:
            raise Loose(self.tag, new.name, "each entry needs a name of its own")
        for use in new.uses:
            if use.key.startswith(f"{self.tag}."):
                self[use.key.partition(".")[2]]
        self._by_name[new.name] = new

    # --- what it shows ---------------------------------------------------------------------------

    def latex(self) -> str:
        """The statement, numbered by its tag."""
        signs = {e: r"\ge" if isinstance(e, Ge) else "=" for e in self.claim.values()}
        lines = [f"{latex(e.lhs)} &{sign} {latex(e.rhs)}" for e, sign in signs.items()]
        body = " \\\\\n".join(lines)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}} \\tag{{{self.tag}}}"

    def _repr_latex_(self) -> str:
        return f"{self.title}. {self.setting}\n$${self.latex()}$$"

    def __format__(self, spec: str) -> str:
        return f"{self.tag}: {self.title}"

    def __repr__(self) -> str:
        return f"{self:s}\n{summary(self.told)}"

    def form(self, form: str) -> Expr:
        """The right side of one form of the claim. KeyError, with the forms there are, if none."""
        if form not in self.claim:
            raise KeyError(f"form of {self.tag} must be one of {list(self.claim)}; got {form!r}")
        return self.claim[form].rhs

    def derive(self) -> Iterable[Line]:
        """The entries, one by one: `next(steps)` in a cell, or a loop that displays them."""
        return iter(self._by_name.values())

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the entries, in order."""
        return tuple(self._by_name)

    def __getitem__(self, names: str | tuple[str, ...]) -> Any:
        """The entry of that name, or a tuple of entries: row["mean"], row["joint", "mean"].

        Raises KeyError, with the names there are, if there is no such entry.
        """
        if isinstance(names, tuple):
            return tuple(self[name] for name in names)
        if names not in self._by_name:
            raise KeyError(f"step of {self.tag} must be one of {list(self.steps)}; got {names!r}")
        return self._by_name[names]

    def show(self) -> Derivation:
        """The statement, all entries and the proof, as one thing to display."""
        return Derivation(self, self[self.steps], self.prove())

    # --- what is proved --------------------------------------------------------------------------

    def roots(self, form: str) -> tuple[Root, ...]:
        """The premises, definitions and words that a form rests on"""
        return self[form].fact.roots

    @property
    def words(self) -> dict[str, str]:
        """form -> proved, defined, or argued"""
        return {form: said.partition(" ")[0].rstrip(":") for form, said in self.told.items()}

    @property
    def told(self) -> dict[str, str]:
        """form -> the word, and the laws or the words behind it"""
        self._checked  # noqa: B018
        return {form: self._told(form) for form in self.claim}

    def _told(self, form: str) -> str:
        roots = [root.entry for root in self.roots(form)]
        if words := dict.fromkeys(e.law for e in roots if e.kind == "argued"):
            return f"{ARGUED}: {', '.join(words)}"
        if self[form].kind != "step":
            return DEFINED if self[form].kind == "definition" else f"given: {self[form].law}"
        laws = dict.fromkeys(e.law for e in roots if e.kind == "given")
        defined = "definitions" if roots else "algebra alone"
        return f"{PROVED} from: {', '.join(laws) or defined}"

    @property
    def argued(self) -> tuple[str, ...]:
        """What the words are about that its forms rest on"""
        roots = (root.entry for form in self.claim for root in self.roots(form))
        return tuple(dict.fromkeys(e.law for e in roots if e.kind == "argued"))

    @property
    def word(self) -> str:
        """The weakest word that is said of a form; defined, only if there is no other"""
        return next(word for word in (ARGUED, PROVED, DEFINED) if word in self.words.values())

    def with_line(self, name: str, line: Relational) -> Row:
        """The same row with another line, and the rest as it was"""
        other = copy(self)
        other.__dict__.pop("_checked", None)
        other._by_name = {**self._by_name, name: replace(self[name], line=line)}
        other.claim = {form: other[form].line for form in self.claim}
        return other

    @property
    def depends_on(self) -> dict[str, tuple[str, ...]]:
        """form -> the forms of other rows that it rests on, directly or through its own entries"""

        def below(one: Line) -> dict[str, None]:
            found: dict[str, None] = {}
            for use in one.uses:
                own = use.key.startswith(f"{self.tag}.")
                found |= below(entry(use.key)) if own else {use.key: None}
            return found

        return {form: tuple(below(self[form])) for form in self.claim}

    @property
    def rests_on(self) -> tuple[str, ...]:
        """The tags of the rows that its entries use"""
        used = (use.key.partition(".")[0] for e in self.derive() for use in e.uses)
        return tuple(sorted({tag for tag in used if tag != self.tag}))

    @cached_property
    def _checked(self) -> int:
        """How many steps were held, all of them"""
        for one in self.derive():
            one.fact  # noqa: B018
            check_line(one)
        return sum(one.kind == "step" for one in self.derive())

    def _meanings(self, *forms: str) -> dict[Basic, Expr]:
        """What the symbols stand for, by the roots of these forms"""
        meanings: dict[Basic, Expr] = {}
        for root in (root for form in forms for root in self.roots(form)):
            if isinstance(root.line, Eq):
                handle, meaning = checking.rule(root.line)
                meanings.setdefault(handle, meaning)
        for fact in self._steps_below(*(self[form] for form in forms)):
            handle, meaning = checking.rule(fact.line)  # worked out, where a step has done that
            if handle in meanings and meanings[handle].has(*CALCULUS):
                meanings[handle] = meaning
        for key in NAMES:
            handle, meaning = checking.rule(entry(key).line)
            if all(self[form].line.lhs != handle for form in forms):
                meanings.setdefault(handle, meaning)
        return meanings

    def _steps_below(self, *start: Line) -> Iterable[Fact]:
        """Every step that these rest on"""
        left, seen = [use for one in start for use in one.uses], set()
        while left:
            use = left.pop()
            if use not in seen:
                seen.add(use)
                left += entry(use.key).uses
                if entry(use.key).kind == "step" and isinstance(instance(use).line, Eq):
                    yield instance(use)

    @property
    def _lines(self) -> list[Basic]:
        own = [e.line for e in self.derive()]
        roots = [root.line for form in self.claim for root in self.roots(form)]
        lines = (*own, *roots, *(entry(key).line for key in NAMES))
        return [line for line in lines if line is not None]

    @property
    def symbols(self) -> dict[str, Symbol]:
        """What a claim of your own may be made of: name -> symbol. The noise, and what this row
        ties together."""
        symbols = {s for line in self._lines for s in line.free_symbols if isinstance(s, Symbol)}
        return {symbol.name: symbol for symbol in sorted(symbols | NOISE, key=str)}

    def prove(self, claim: Any = None) -> Closed:
        """Check every step with what it uses, and say of each form whether it is proved, defined or
        argued, and from what.

        Args: claim, form name -> your formula for it: an expression for the right side, text as the
            proof levels take it, or a whole equation with the left side of the form. A row with one
            form needs no name, nor does a whole equation.

        Raises ProofError: `Wrong` with a point where the two sides differ; `Undecided` if numbers
            agree but algebra cannot show it; `Unclear` if your claim cannot be compared with the
            form; `Loose` if an entry is not used, or used and not needed.
        """
        yours = understood(self.tag, self.claim, claim)
        if not yours:
            self.__dict__.pop("_checked", None)  # once more from the beginning
        steps = self._checked
        functions = frozenset(e.func for line in self._lines for e in line.atoms(AppliedUndef))
        for form, given in yours.items():
            meanings, cases = self._meanings(form), self._meanings(*self.claim)
            cases = {symbol: meaning for symbol, meaning in cases.items() if symbol not in meanings}
            line = self.claim[form]
            about = Form(
                self.tag, form, line, meanings, cases, self.symbols, functions, checking.in_full
            )
            hold_claim(about, given)
        return Closed(self.tag, self.words, self.told, steps, tuple(yours))

    def lambdify(self, form: str, modules: str = "numpy") -> Callable[..., Any]:
        """One form as a numeric function. Its keyword arguments are named as the symbols are; all
        noise enters through gamma (gamma_s, gamma_t, gamma_0 or gamma_1). What has an index
        (delta in L2) is an array.

        Raises ValueError if the form has functions in it that are not specified.
        """
        expression = in_gamma(self.form(form)).replace(Indexed, lambda base, index: base[index - 1])
        if unspecified := expression.atoms(AppliedUndef):
            raise ValueError(f"form {form!r} of {self.tag} cannot be computed: {unspecified}")
        symbols = expression.atoms(sympy.Symbol) & expression.free_symbols
        arguments = sorted(symbols, key=lambda symbol: symbol.name)
        function = sympy.lambdify(arguments, expression, modules)
        names = ", ".join(symbol.name for symbol in arguments)
        function.__doc__ = f"{self.tag}, {self.claim[form]}.\n\nKeyword arguments: {names}."
        return function


@dataclass(frozen=True)
class Laws:
    """The premises page: each law with its instances, the definitions, and what is argued"""

    rows: tuple[Row, ...]

    def of_kind(self, kind: str) -> dict[str, list[Line]]:
        """"given" by law, "argued" by what it is about, "definition" by row"""
        found: dict[str, list[Line]] = {}
        for e in (e for one in self.rows for e in one.derive() if e.kind == kind):
            found.setdefault(e.law or e.tag, []).append(e)
        return found

    def _blocks(self) -> list[tuple[str, str, list[Line]]]:
        laws = [(law, LAWS[law], entries) for law, entries in self.of_kind("given").items()]
        argued = [(about, "argued", entries) for about, entries in self.of_kind("argued").items()]
        return [*laws, *argued, *((tag, "definitions", e) for tag, e in
            self.of_kind("definition").items())]

    def __repr__(self) -> str:
        blocks = []
        for head, about, entries in self._blocks():
            lines = "".join(f"\n    {e.key}: {e.line}" for e in entries)
            blocks.append(f"{head}: {about}{lines}")
        return "\n".join(blocks)

    def _repr_markdown_(self) -> str:
        """The definitions are folded"""
        blocks = []
        for head, about, entries in self._blocks():
            shown = [f"- {e.key}: ${latex(e.line)}$" for e in entries]
            block = "\n".join([f"**{head}**: {about}", "", *shown])
            if about == "definitions":
                block = f"<details><summary>{head}</summary>\n\n{block}\n\n</details>"
            blocks.append(block)
        return "\n\n".join(blocks)


def row(title: str, notebook: str, setting: str, forms: str) -> Callable[..., Row]:
    """Turn a derivation into the row that bears its name."""

    def with_proof(derivation: Callable[[Row], None]) -> Row:
        tag = derivation.__name__
        ROWS[tag] = Row(tag, title, notebook, setting, forms, derivation)
        return ROWS[tag]

    return with_proof


def unused() -> list[str]:
    """The entries that are no forms and that nothing uses"""
    entries = [e for each in ROWS.values() for e in each.derive()]
    used = {use.key for e in entries for use in e.uses}
    forms = {f"{each.tag}.{form}" for each in ROWS.values() for form in each.claim}
    return [e.key for e in entries if e.key not in used | forms and e.kind != "argued"]


__all__ = [
    "WORDS", "Closed", "Derivation", "Line", "Laws", "ProofError", "Row", "row", "unused", "use",
]
