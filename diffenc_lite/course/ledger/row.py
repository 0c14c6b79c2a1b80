"""A row of the ledger: a list of entries, each of one of five kinds and all of them shown.

    @row("The posterior ...", "01", "...", forms="variance mean")
    def F3(D):
        D.given("bayes", "Bayes' rule", "...", q_st, q_ts + q_s - q_t)     # lent by mathematics
        D.define("density", "...", sigma_Q, sqrt(-1 / Derivative(q_st, (z_s, 2))))     # a choice
        D.suppose("perfect", "a perfect denoiser", "...", xhat, x_t)     # of a symbol that was free
        D.step("variance", "...", sigma_Q**2, sigma_s**2 * c, uses="density bayes F1.density@s ...")
        D.argue("tower", "the average over the data", "...", line)         # in words

A step is checked with the entries that it uses put in, and with these alone: one that is left out
makes it fail, and so does one that is not needed. What is said of a form is computed from all that
it rests on. `F1.density@s` is an entry at another depth, `W1.average@i` that of each step,
`use("L1.gibbs", {a: q})` at other values.

`instance` says what a used entry comes to; `check_line` holds a step against these (`checking` puts
them in, `zero` compares the sides); `Line.roots` follows the uses down to what is no step, and
`Line.told` reads the word off these roots. `judge` is for claims of a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import sympy
from sympy import Basic, Eq, Expr, Ge, Indexed, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import checking
from .checking import Loose
from .judge import CALCULUS, hold_claim, understood
from .laws import LAWS, assumed, is_instance
from .notation import DEPTH_MAPS, NOISE, alpha_ts, i, in_gamma, j, latex, n, z_0, z_1, z_s

NAMES = "F1.latent F3.variance G4.turned G4.guess G4.noise_guess".split()  # to put in any claim
PROVED, DEFINED, ARGUED = WORDS = "proved", "defined", "argued"
LATENTS = z_s, z_0, z_1
EACH = {"@i": i, "@j": j, "@n": n}  # the same in each step, dimension, or draw
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


def _use(text: str) -> Use:
    key, _, depth = text.partition("@")
    return Use(key, tuple(DEPTH_MAPS.get(depth, {}).items()), text[len(key) :])


@dataclass(frozen=True, eq=False, repr=False)
class Line:
    """One entry: `row[name]`. law: of which law a premise is an instance; what is supposed, or what
    words are about, in short. witness: of an inequality, the same in a form seen to be at least 0.
    """

    tag: str
    name: str
    kind: str
    text: str
    line: Relational
    uses: tuple[Use, ...] = ()
    law: str = ""
    witness: Expr | None = None

    @property
    def key(self) -> str:
        return f"{self.tag}.{self.name}"

    @property
    def manner(self) -> str:
        """What comes before the words"""
        of = f": {self.law}" if self.kind in ("given", "supposed") else ""
        return f"({self.kind}{of}) " if self.kind != "step" else ""

    def _repr_latex_(self) -> str:
        return f"{self.manner}{self.text}\n$$\\displaystyle {latex(self.line)}$$"

    def __repr__(self) -> str:
        used = f"  [{', '.join(map(str, self.uses))}]" if self.uses else ""
        return f"{self.manner}{self.text}\n    {self.line}{used}"

    def behind(self, kind: str) -> tuple[str, ...]:
        """The laws, what is supposed, or what the words are about, that it rests on"""
        found = (source.law for source, _ in self.roots if source.kind == kind)
        return tuple(dict.fromkeys(found))

    @property
    def told(self) -> str:
        """The word, by what it rests on: laws or words, and what is supposed"""
        supposed = ", ".join(self.behind("supposed"))
        supposing = f", supposing {supposed}" if supposed else ""
        if words := self.behind("argued"):
            return f"{ARGUED}: {', '.join(words)}{supposing}"
        if self.kind != "step":
            return DEFINED if self.kind == "definition" else f"{self.kind}: {self.law}"
        algebra = "the notation" if assumed([self]) else "algebra alone"
        meant = "definitions" if self.behind("definition") else algebra
        return f"{PROVED} from: {', '.join(self.behind('given')) or meant}{supposing}"

    @cached_property
    def below(self) -> dict[Relational, None]:
        """Every step that it rests on, with the values that it is used with"""
        steps = {instance(u)[0]: None for u in self.uses if entry(u.key).kind == "step"}
        behind = ((line, dict(u.values)) for u in self.uses for line in entry(u.key).below)
        return steps | {checking.moved(e, put) if put else e: None for e, put in behind}

    @cached_property
    def roots(self) -> Roots:
        """What it rests on in the end"""
        roots = {root: None for use in self.uses for root in instance(use)[1]}
        if self.kind != "step":
            roots[self, self.line] = None
        meanings: dict[Basic, tuple[Line, Any]] = {}
        for source, line in roots:
            if isinstance(line, Eq):
                handle, _ = checking.rule(line)
                other, meant = meanings.setdefault(handle, (source, line))
                if meant != line:
                    both = f"{other.key} and {source.key}"
                    raise Loose(self.tag, self.name, f"{handle} has two meanings: {both}")
        return tuple(roots)


# premises, suppositions, definitions and words, and what each says, or an instance of it
Roots = tuple[tuple[Line, Relational], ...]


def entry(key: str) -> Line:
    tag, name = key.split(".")
    return ROWS[tag][name]


@cache
def _instance(one: Line, use: Use) -> tuple[Relational, Roots]:
    values = dict(use.values)
    if use.where in EACH:
        values = checking.in_each([one.line, *(line for _, line in one.roots)], EACH[use.where])
    if not values:
        return one.line, one.roots
    if use.where not in EACH and (bad := checking.unlike(values)):
        raise Loose(one.tag, one.name, f"{bad[0]} cannot be {bad[1]}")
    averages = any(line.has(checking.E) for line in (one.line, *(line for _, line in one.roots)))
    if use.where not in EACH and averages:
        for symbol, value in values.items():  # what left an average may not come to move in it
            if symbol in checking.CONSTANTS and not value.free_symbols <= checking.CONSTANTS:
                raise Loose(one.tag, one.name, f"{symbol} is a constant, and {value} is none")
    roots = []
    for source, line in one.roots:
        roots.append((source, checking.moved(line, values)))
        if roots[-1] == (source, line):
            continue
        if use.where not in EACH and not checking.is_free(line, values):
            raise Loose(one.tag, one.name, f"it holds for its own symbols: {line}")
        if isinstance(line, Eq):
            before, _ = checking.rule(line)
            after, meaning = checking.rule(roots[-1][1])
            if before == after or not checking.is_handle(after):
                raise Loose(one.tag, one.name, f"{before} is tied: {line}")
            # what has an index shows what it depends on; a latent is where a density is looked at
            if not isinstance(after, Indexed) and after not in LATENTS:
                checking.note(after, meaning)
    return checking.moved(one.line, values), tuple(roots)


def instance(use: Use) -> tuple[Relational, Roots]:
    """What an entry says with these values put in, and what that rests on. Raises Loose if a value
    is not of the kind that the symbol is, and if a premise or a definition ties the symbol."""
    return _instance(entry(use.key), use)


# --- the proof -----------------------------------------------------------------------------------


def sign_is_seen(root: Line) -> bool:
    """Of a premise or a definition: whether the sign that its symbol has is seen of its right side,
    or of that which a step gives the same left side"""
    if root.kind == "argued" or not isinstance(root.line, Eq):
        return True
    steps = (e for e in ROWS[root.tag].derive() if e.line.lhs == root.line.lhs)
    made = (e.line for e in steps if root.key in {source.key for source, _ in e.roots})
    return any(checking.of_its_sign(h, m) for h, m in _rules((root.line, *made)) if not m.has(h))


def check_line(step: Line) -> None:
    """Hold a step against what it uses: all of it, and each of it. Of a definition: a sign that is
    assumed of its symbol has to be seen."""
    if step.kind != "step":
        if not sign_is_seen(step):
            raise Loose(step.tag, step.name, f"the sign of its symbol is a premise: {step.line}")
        return
    if step.line.lhs == step.line.rhs:
        raise Loose(step.tag, step.name, f"says nothing: {step.line}")
    used = [instance(use)[0] for use in step.uses]
    checking.hold_step(step, used)
    for number, use in enumerate(step.uses):
        if checking.follows(step, used[:number] + used[number + 1 :]):
            raise Loose(step.tag, step.name, f"{use} is not needed")


@dataclass(frozen=True)
class Closed:
    """A proof that closed. `told`: of each form whether it is proved, defined or argued, and from
    what; `yours`: the forms that a reader gave."""

    tag: str
    told: Mapping[str, str]
    steps: int
    yours: tuple[str, ...]

    def __repr__(self) -> str:
        if self.yours:
            by_word = {self.told[form]: None for form in self.yours}
            names = ", ".join(f"{self.tag}.{form}" for form in self.yours)
            return f"equal to {names}; {'; '.join(by_word)}"
        return f"{self.tag} {summary(self.told)}; {self.steps} steps checked"


def weakest(words: Iterable[str]) -> str:
    """Of several words one, in the blueprint and in lesson 14: argued if one is, defined if all"""
    said = set(words)
    return next(word for word in (ARGUED, PROVED, DEFINED) if word in said)


def summary(told: Mapping[str, str]) -> str:
    """The forms by what is said of them"""
    by_word: dict[str, list[str]] = {}
    for form, said in told.items():
        by_word.setdefault(said, []).append(form)
    return "; ".join(f"{', '.join(forms)}: {said}" for said, forms in by_word.items())


@dataclass(frozen=True)
class Derivation:
    """A whole row to look at: the statement, the entries in order, the proof."""

    row: Row
    proof: Closed

    def _repr_latex_(self) -> str:
        numbered = (f"({n}) {e._repr_latex_()}" for n, e in enumerate(self.row.derive(), start=1))
        return "\n".join((self.row._repr_latex_(), *numbered, f"{self.proof!r}."))

    def __repr__(self) -> str:
        return "\n".join([self.row.heading, *map(repr, self.row.derive()), repr(self.proof)])


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
        self.heading = f"{tag}: {title}"
        self._by_name: dict[str, Line] = {}
        derivation(self)
        for form in forms.split():
            if form not in self._by_name:
                raise Loose(tag, form, "no entry of that name")
        self.claim = {form: self[form].line for form in forms.split()}

    # --- what a derivation is made of ------------------------------------------------------------

    def given(self, name: str, law: str, text: str, left: Expr, right: Any = None) -> None:
        """A premise, an instance of a law of LAWS: left = right, or without a right, left >= 0."""
        if law not in LAWS:
            raise KeyError(f"law must be one of {list(LAWS)}; got {law!r}")
        self._root("given", name, text, left, right, law)
        if not is_instance(law, self[name].line):
            raise Loose(self.tag, name, f"no instance of {law}: {self[name].line}")

    def define(self, name: str, text: str, left: Expr, right: Expr) -> None:
        """A symbol gets its meaning, by choice. It may stand in no entry before."""
        self._root("definition", name, text, left, right, "")

    def suppose(self, name: str, about: str, text: str, left: Expr, right: Any = None) -> None:
        """What is supposed of symbols that stand for more: as `given`, and in short what it is."""
        self._root("supposed", name, text, left, right, about)

    def step(self, name: str, text: str, left: Expr, right: Expr, uses: Any = "") -> None:
        """left = right, by what it uses."""
        line = Eq(left, right, evaluate=False)
        self._add(Line(self.tag, name, "step", text, line, self._uses(uses)))

    def at_least(self, name: str, text: str, left: Expr, uses: Any = "",
                 witness: Expr | None = None) -> None:
        """left >= 0, by what it uses. witness: the same in a form that is seen to be."""
        line = Ge(left, 0, evaluate=False)
        self._add(Line(self.tag, name, "step", text, line, self._uses(uses), witness=witness))

    def argue(self, name: str, about: str, text: str, line: Relational, uses: Any = "") -> None:
        """Words, which the machine does not check, and what they are about."""
        self._add(Line(self.tag, name, "argued", text, line, self._uses(uses), about))
        if isinstance(line, Eq):
            checking.note(*checking.rule(line))

    def _root(self, kind: str, name: str, text: str, left: Expr, right: Any, law: str) -> None:
        if right is None:
            self._add(Line(self.tag, name, kind, text, Ge(left, 0, evaluate=False), (), law))
            return
        line = Eq(left, sympy.sympify(right), evaluate=False)
        handle, meaning = checking.rule(line)
        old = any(e.line.has(handle) for e in self.derive())
        named = isinstance(handle, Symbol | AppliedUndef | Indexed) and handle.func != checking.E
        if not checking.is_handle(handle) or (kind == "definition" and (old or not named)):
            raise Loose(self.tag, name, f"{handle} is not a symbol that is new")
        self._add(Line(self.tag, name, kind, text, line, (), law))
        checking.note(handle, meaning)

    def _uses(self, uses: Any) -> tuple[Use, ...]:
        """From "bayes F1.density@s", or a list of such texts and of instances"""
        found: list[Use] = []
        for part in [uses] if isinstance(uses, str) else uses:
            found += map(_use, part.split()) if isinstance(part, str) else [part]
        return tuple(
            one if "." in one.key else replace(one, key=f"{self.tag}.{one.key}") for one in found
        )

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

    def __repr__(self) -> str:
        supposed = assumed(self[form] for form in self.claim)
        return f"{self.heading}\nby the notation: {supposed}\n{summary(self.told)}"

    def form(self, form: str) -> Expr:
        """The right side of one form of the claim. KeyError, with the forms there are, if none."""
        if form not in self.claim:
            raise KeyError(f"form of {self.tag} must be one of {list(self.claim)}; got {form!r}")
        return self.claim[form].rhs

    def derive(self) -> Iterator[Line]:
        """The entries, one by one: `next(steps)` in a cell, or a loop that displays them."""
        return iter(self._by_name.values())

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the entries, in order."""
        return tuple(self._by_name)

    def __getitem__(self, name: str) -> Any:
        """The entry of that name: row["mean"]. KeyError, with the names there are, if none."""
        if name not in self._by_name:
            raise KeyError(f"step of {self.tag} must be one of {list(self.steps)}; got {name!r}")
        return self._by_name[name]

    # --- what is proved --------------------------------------------------------------------------

    @property
    def told(self) -> dict[str, str]:
        """form -> the word, and the laws or the words behind it"""
        self._checked  # noqa: B018
        return {form: self[form].told for form in self.claim}

    @property
    def words(self) -> dict[str, str]:
        """form -> proved, defined, or argued"""
        return {form: said.partition(" ")[0].rstrip(":") for form, said in self.told.items()}

    def behind(self, kind: str, *forms: str) -> tuple[str, ...]:
        """The laws ("given"), what is "supposed" or "argued", that these forms rest on, or all"""
        found = (each for form in forms or self.claim for each in self[form].behind(kind))
        return tuple(dict.fromkeys(found))

    def word(self, *forms: str) -> str:
        """The weakest word that is said of these forms; without forms, of all"""
        return weakest(self.words[form] for form in forms or self.claim)

    def with_line(self, name: str, line: Relational) -> Row:
        """The same row with another line, and the rest as it was"""
        other = copy(self)
        other.__dict__.pop("_checked", None)
        other._by_name = {**self._by_name, name: replace(self[name], line=line)}
        other.claim = {form: other[form].line for form in self.claim}
        return other

    @property
    def rests_on(self) -> tuple[str, ...]:
        """The tags of the rows that its entries use"""
        used = (use.key.partition(".")[0] for e in self.derive() for use in e.uses)
        return tuple(sorted({tag for tag in used if tag != self.tag}))

    @cached_property
    def _checked(self) -> int:
        """How many steps were held, all of them"""
        for one in (e for row in (*ROWS.values(), self) for e in row.derive()):
            one.roots  # noqa: B018 (so that it is known of every symbol what it depends on)
        for tag in self.rests_on:
            ROWS[tag]._checked  # noqa: B018 (a row is no surer than what it rests on)
        for one in self.derive():
            check_line(one)
        return sum(one.kind == "step" for one in self.derive())

    def meanings(self, *forms: str) -> dict[Basic, Expr]:
        """What the symbols stand for, by what these forms rest on; worked out, where a step has
        done that"""
        lines = (line for form in forms for _, line in self[form].roots)
        meanings: dict[Basic, Expr] = {}
        for handle, meaning in _rules(lines):
            meanings.setdefault(handle, meaning)
        for handle, meaning in _rules(line for form in forms for line in self[form].below):
            if handle in meanings and meanings[handle].has(*CALCULUS):
                meanings[handle] = meaning
        for handle, meaning in _rules(entry(key).line for key in NAMES):
            if all(self[form].line.lhs != handle for form in forms):
                meanings.setdefault(handle, meaning)
        return meanings

    @property
    def _lines(self) -> list[Basic]:
        own = [e.line for e in self.derive()]
        roots = [line for form in self.claim for _, line in self[form].roots]
        return [*own, *roots, *(entry(key).line for key in NAMES)]

    @property
    def symbols(self) -> dict[str, Symbol]:
        """What a claim of your own may be made of: name -> symbol. The noise, and what this row
        ties together."""
        symbols = {s for line in self._lines for s in line.free_symbols if isinstance(s, Symbol)}
        named = {symbol.name: symbol for symbol in sorted(symbols | NOISE, key=str)}
        return named | {"alpha_ts": alpha_ts}

    @property
    def functions(self) -> set[Any]:
        """The functions of this row that are not specified"""
        return {e.func for line in self._lines for e in line.atoms(AppliedUndef)}

    def prove(self, claim: Any = None) -> Closed:
        """Check every step with what it uses, once in a session, and say of each form whether it
        is proved, defined or argued, and from what.

        Args: claim, form name -> your formula for it: an expression for the right side, text as the
            proof levels take it, or a whole equation with the left side of the form.

        Raises ProofError: `Wrong` with a point where the two sides differ; `Undecided` if numbers
            agree but algebra cannot show it; `Unclear` if your claim cannot be compared with the
            form; `Loose` if an entry is not used, or used and not needed.
        """
        yours, steps = understood(self.tag, self.claim, claim), self._checked
        for form, claimed in yours.items():
            hold_claim(self, form, claimed)
        return Closed(self.tag, self.told, steps, tuple(yours))

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


def _rules(lines: Iterable[Relational]) -> list[tuple[Basic, Expr]]:
    return [checking.rule(line) for line in lines if isinstance(line, Eq)]


def row(title: str, notebook: str, setting: str, forms: str) -> Callable[..., Row]:
    """Turn a derivation into the row that bears its name."""

    def with_proof(derivation: Callable[[Row], None]) -> Row:
        tag = derivation.__name__
        ROWS[tag] = Row(tag, title, notebook, setting, forms, derivation)
        return ROWS[tag]

    return with_proof
