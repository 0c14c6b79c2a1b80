"""The laws that mathematics lends to the ledger, and what the notation assumes of its symbols. A
premise of a row is an instance of a law.

`print(ledger.laws())` lists each with its instances, what is supposed, and the definitions.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from . import checking
from . import notation as n
from .zero import ORDER

LAWS = {
    "change of variables": "a density is carried along by a map: times the slope of the way back",
    "chain rule of densities": "a joint density is the product of one and a conditional one",
    "total probability": "the density of one of two variables is the integral of their joint one",
    "Bayes' rule": "q(a|b) q(b) = q(b|a) q(a)",
    "Bayes' rule for K values": "each has its share of the sum of density times odds",
    "a density has total 1": "so that under q the average of p/q is 1",
    "what is given comes out": "E[f(x) | x] = f(x)",
    "products of densities": "their divergence is the sum of the divergences",
    "a minimum": "it is no more than any of the values, and equal to one of them",
    "limits multiply": "the limit of a product is that of the factors, if each has one",
    "tower rule": "E[f] = E[E[f|z]], if the average of |f| is finite",
    "I-MMSE": "dI/dSNR = mmse/2, for all data of finite variance (Guo, Shamai, Verdu, 2005)",
}
STATED = (
    "Laws are stated, not derived. Of each instance of Bayes' rule and of the chain rule the "
    "machine checks that the names of its densities fit; that another premise is an instance of "
    "its law is for you to see."
)
CHECKED = "Bayes' rule", "chain rule of densities"
DENSITY = re.compile(r"{\\ln ([pq]'?)\((.+?)(?:\|(.+))?\)}")  # its name
MEANT = [  # the first two at every depth
    n.equation(n.alpha_t**2 + n.sigma_t**2, 1),
    n.equation(n.gamma_t, 2 * sp.log(n.sigma_t / n.alpha_t)),
    *(n.equation(short, long) for short, long in n.ABBREVIATIONS.items()),
]


def is_instance(law: str, line: Any) -> bool:
    """Whether a premise fits its law, if that is one of CHECKED: with ln q(a,b) - ln q(b) for each
    density ln q(a|b), by its name, nothing is left"""
    joint: dict[Any, Any] = Counter()
    for density, often in (line.lhs - line.rhs).expand().as_coefficients_dict().items():
        if not (named := DENSITY.fullmatch(str(density))):
            return law not in CHECKED
        family, seen, given = named.groups(default="")
        joint[family, frozenset(f"{seen},{given}".split(",")) - {""}] += often
        joint[family, frozenset(given.split(",")) - {""}] -= often
    return law not in CHECKED or not any(often for (_, names), often in joint.items() if names)


def assumed(entries: Iterable[Any], shown: Callable[[Any], str] = str) -> str:
    """What the notation assumes of the symbols in these and in what they rest on, if nothing there
    says what they are: how the depths are ordered, signs, and that what has a slope is smooth"""
    says: dict[str, dict[Any, str]] = {"> 0": {}, ">= 0": {}, "= 1, 2, ...": {}, "smooth": {}}
    depths: set[Any] = set()
    for one in entries:
        roots = [line for _, line in one.roots]
        meant = {checking.rule(line)[0] for line in roots if isinstance(line, sp.Eq)}
        labels = {e.base.label for e in meant if isinstance(e, sp.Indexed)}
        known = {n.E} | meant | labels | {e.func for e in meant if e.free_symbols - n.CONSTANTS}
        whole = sp.Tuple(one.line, *one.below, *roots)
        slopes = {f for e in whole.atoms(sp.Derivative) for f in e.expr.atoms(AppliedUndef)}
        for e in sorted(whole.atoms(sp.Symbol, AppliedUndef), key=lambda e: (-len(str(e)), str(e))):
            name = e if isinstance(e, sp.Symbol) else e.func
            sign = "= 1, 2, ..." if e.is_integer else "> 0" if e.is_positive else ">= 0"
            for said, applies in ((sign, e.is_nonnegative), ("smooth", e in slopes)):
                if applies and name not in known:
                    says[said][name] = shown(e)
            depths |= n.in_gamma(e).free_symbols & {*ORDER} if e in n.NOISE else set()
    ordered = " < ".join(shown(gamma) for gamma in ORDER if gamma in depths)
    signs = (f"{', '.join(sorted(e.values()))} {said}" for said, e in says.items() if e)
    return "; ".join(filter(None, (ordered * (len(depths) > 1), *signs)))


@dataclass(frozen=True)
class Laws:
    """The premises page: each law and its instances, definitions, what is argued, the notation"""

    rows: tuple[Any, ...]

    def of_kind(self, kind: str) -> dict[str, list[Any]]:
        """"given" by law, "supposed" and "argued" by what it is about, "definition" by row"""
        found: dict[str, list[Any]] = {}
        for e in (e for one in self.rows for e in one.derive() if e.kind == kind):
            found.setdefault(e.law or e.tag, []).append(e)
        return found

    def _blocks(self, shown: Callable[[Any], str]) -> Iterator[tuple[str, str, list[str]]]:
        """A law, or a row; what is said of it; its entries, each as it is shown"""
        for kind in ("given", "supposed", "argued", "definition"):
            for head, entries in self.of_kind(kind).items():
                lines = [f"{e.key}: {shown(e.line)}" for e in entries]
                yield head, LAWS.get(head, kind), lines
        forms = (row[form] for row in self.rows for form in row.claim)
        lines = [*map(shown, MEANT), assumed(forms, shown)]
        yield "the notation", "what it writes in short, and what it assumes of its symbols", lines

    def __repr__(self) -> str:
        blocks = ((f"{head}: {about}", *lines) for head, about, lines in self._blocks(str))
        return "\n".join([STATED, *map("\n    ".join, blocks)])

    def _repr_markdown_(self) -> str:
        """The definitions are folded"""
        text = f"{STATED}\n\n"
        for head, about, lines in self._blocks(lambda e: f"${n.latex(e)}$"):
            block = "\n- ".join([f"**{head}**: {about}\n", *lines]) + "\n\n"
            folded = f"<details><summary>{head}</summary>\n\n{block}</details>\n\n"
            text += folded if about == "definition" else block
        return text
