"""The laws that mathematics lends to the ledger. A premise of a row is an instance of one of them.

`print(ledger.laws())` lists each with its instances, and the definitions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .notation import latex

LAWS = {
    "change of variables": "a density is carried along by a map: times the slope of the way back",
    "chain rule of densities": "a joint density is the product of one and a conditional one",
    "total probability": "the density of one of two variables is the integral of their joint one",
    "Bayes' rule": "q(a|b) q(b) = q(b|a) q(a)",
    "a density has total 1": "so that under q the average of p/q is 1",
    "independent dimensions": "the divergence of products is the sum of the divergences",
    "noise grows": "gamma_s <= gamma_t for s before t; the notation says so with c > 0 (F2, F3)",
    "a minimum": "it is no more than any of the values, and equal to one of them",
    "values in [-1, 1]": "data, and a network that ends in a tanh",
    "limits multiply": "the limit of a product is that of the factors, if each has one",
    "tower rule": "E[(x - E[x|z])^2] is the mean of the variance of x given z",
    "I-MMSE": "dI/dSNR = mmse/2, for all data of finite variance (Guo, Shamai, Verdu, 2005)",
}


@dataclass(frozen=True)
class Laws:
    """The premises page: each law with its instances, the definitions, and what is argued"""

    rows: tuple[Any, ...]

    def of_kind(self, kind: str) -> dict[str, list[Any]]:
        """"given" by law, "argued" by what it is about, "definition" by row"""
        found: dict[str, list[Any]] = {}
        for e in (e for one in self.rows for e in one.derive() if e.kind == kind):
            found.setdefault(e.law or e.tag, []).append(e)
        return found

    def _blocks(self, shown: Callable[[Any], str]) -> Iterator[tuple[str, str, str]]:
        """A law, or a row; what is said of it; its entries, each as it is shown"""
        for kind, about in {"given": "", "argued": "argued", "definition": "definitions"}.items():
            for head, entries in self.of_kind(kind).items():
                yield head, LAWS.get(head, about), "\n".join(map(shown, entries))

    def __repr__(self) -> str:
        blocks = self._blocks(lambda e: f"    {e.key}: {e.line}")
        return "\n".join(f"{head}: {about}\n{lines}" for head, about, lines in blocks)

    def _repr_markdown_(self) -> str:
        """The definitions are folded"""
        text = ""
        for head, about, lines in self._blocks(lambda e: f"- {e.key}: ${latex(e.line)}$"):
            block = f"**{head}**: {about}\n\n{lines}\n\n"
            folded = f"<details><summary>{head}</summary>\n\n{block}</details>\n\n"
            text += folded if about == "definitions" else block
        return text
