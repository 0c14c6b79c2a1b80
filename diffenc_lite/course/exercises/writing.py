"""What a reader types, as a formula in the symbols of an exercise; what is shown, as HTML."""

import html
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

import sympy

from ..ledger.reading import FUNCTIONS, Unreadable, names_in, read, to_sympy
from .answers import WrongForm, as_expression


def expression(given: Any, symbols: Mapping[str, Any]) -> Any:
    """A formula in these symbols, from text, a number or a SymPy expression, whose symbols count by
    name, whatever is assumed of them; None for anything else. Raises WrongForm."""
    if isinstance(given, str):
        try:
            tree = read(given, symbols)
            check_names(names_in(tree), symbols)
            return to_sympy(tree, symbols)
        except Unreadable as why:
            raise WrongForm(str(why)) from None
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = sympy.sympify(given)
    if (found := as_expression(given)) is None:
        return None
    known = {symbol.name: name for name, symbol in symbols.items()} | {n: n for n in symbols}
    called = {symbol: known.get(symbol.name, symbol.name) for symbol in found.free_symbols}
    check_names(set(called.values()), symbols)
    return found.xreplace({symbol: symbols[name] for symbol, name in called.items()})


def check_names(used: set[str], names: Collection[str]) -> None:
    """Raises WrongForm for a name that is none of these, with the one that may be meant."""
    if strange := sorted(used - set(names)):
        are = "is not a name" if len(strange) == 1 else "are not names"
        near = [get_close_matches(name, names, 2, 0.8) for name in strange]
        near += [[n for n in names if n.lower() == name.lower()] for name in strange]
        meant = [one for one, *more in filter(None, near) if not more]
        raise WrongForm(
            f"{', '.join(strange)} {are} of this exercise; use {', '.join(names)}, numbers and "
            f"{', '.join(FUNCTIONS)}" + f"; did you mean {', '.join(meant)}?" * bool(meant)
        )


# --- text and HTML --------------------------------------------------------------------------------


def to_text(markdown: str) -> str:
    """In one line to print: $\\alpha_tx_t$ as alpha_t x_t."""

    def plain(formula: re.Match[str]) -> str:
        text = formula[1].replace(r"\,", " ")
        text = re.sub(r"\\math\w+ ?\{?(\w+)\}?", r"\1", text)
        text = re.sub(r"\\frac(\d)(\d)", r"\1/\2", text).replace(r"\dots", "...")
        text = re.sub(r"(?<=[\w}])\\", r" \\", text)  # a name after a name
        text = re.sub(r"([_^]\w)(?=[A-Za-z])", r"\1 ", text)  # or after an index
        text = re.sub(r"\\hat ?(\w)", r"\1_hat", text)
        return text.replace(r"\var", "").replace("\\", "")

    return re.sub(r"\$+(.+?)\$+", plain, " ".join(markdown.split()))


def folded(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>{inside}</details>"


def folded_hints(exercise: Any) -> str:
    """In HTML, since a fold in Markdown falls open where nbconvert exports it"""
    return "".join(folded(f"Hint {i}", to_html(h)) for i, h in enumerate(exercise.hints, 1))


def to_html(markdown: str) -> str:
    """Paragraphs with formulas, in the brackets that every MathJax reads, and code."""
    text = html.escape(markdown, quote=False)
    text = re.sub(r"\$\$(.+?)\$\$", r"\\[\1\\]", text)
    text = re.sub(r"\$(.+?)\$", r"\\(\1\\)", text)
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))
