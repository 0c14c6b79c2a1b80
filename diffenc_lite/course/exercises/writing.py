"""Formulas as a reader types them, `w*delta**2/2`: read, shown as LaTeX, turned into SymPy.

A formula is made of names, numbers, + - * / ** (or ^) and the functions below. Nothing else is
read, so that typed text is never run as a program.
"""

from __future__ import annotations

import ast
import html
import math
import re
from collections.abc import Mapping
from typing import Any

FUNCTIONS = ("sqrt", "exp", "log")
LONGEST = 500  # letters of a formula
HIGHEST = 20  # power: higher ones may take for ever to multiply out
_GREEK = "alpha beta gamma delta epsilon eta kappa lambda mu pi sigma tau Delta".split()
_MARKS = {"hat": r"\hat{%s}", "tilde": r"\tilde{%s}", "dot": r"\dot{%s}", "prime": "%s'"}


class Unreadable(ValueError):
    """Not a formula; the text says why."""


def read(text: str) -> ast.expr:
    """The formula as a tree. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST} letters")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable(
            "it cannot be read as a formula: write products with *, powers with **, and close "
            f"every bracket{_did_you_mean(text)}"
        ) from None
    try:
        _check(tree)
    except Unreadable as why:
        raise Unreadable(f"{why}{_did_you_mean(text)}") from None
    return tree


def _did_you_mean(given: str) -> str:
    """The text with a * wherever two things stand side by side, if that can be read"""
    text = re.sub(r"(?i)\b(sqrt|exp|log|ln)\(", lambda m: m[0].lower(), given)
    side_by_side = r"(?<![\w.])(\d+\.?\d*)\s*(?=[A-Za-z_(])|(\))\s*(?=[\w(])|(\w)\s+(?=[\w(])"
    meant = re.sub(side_by_side, lambda m: f"{m[0].strip()}*", text)
    meant = re.sub(rf"\b(?!(?:{'|'.join(FUNCTIONS)}|ln)\b)([A-Za-z_]\w*)\(", r"\1*(", meant)
    if meant == given:
        return ""
    try:
        read(meant)
    except Unreadable:
        return ""
    return f"; did you mean {meant.replace('**', '^')}?"


def _check(tree: ast.expr) -> None:
    match tree:
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right):
            _check(left)
            _check(right)
        case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
            _check(operand)
        case ast.Call(ast.Name(name), [argument], []) if name in (*FUNCTIONS, "ln"):
            _check(argument)
        case ast.Call(ast.Name(name)) if name in (*FUNCTIONS, "ln"):
            raise Unreadable(f"{name} takes one argument")
        case ast.Call(function):
            name = ast.unparse(function)
            raise Unreadable(f"{name}(...) reads as a function: write products with *")
        case ast.Constant(bool()):
            raise Unreadable("True and False are not numbers here")
        case ast.Constant(int() | float() as value) if math.isfinite(value):
            pass
        case ast.Name():
            pass
        case _:
            raise Unreadable(f"{ast.unparse(tree)[:40]} cannot be part of a formula here")


def names_in(tree: ast.expr) -> set[str]:
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in called} - {"pi"}


# --- SymPy ----------------------------------------------------------------------------------------


def to_sympy(tree: ast.expr, symbols: Mapping[str, Any]) -> Any:
    """A SymPy expression in these symbols. Raises KeyError for a name without one."""
    import sympy

    match tree:
        case ast.BinOp(left, operator, right):
            a, b = to_sympy(left, symbols), to_sympy(right, symbols)
            match operator:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
            if b.is_number and not abs(b) <= HIGHEST:
                raise Unreadable(f"the power {ast.unparse(right)[:20]} is too high")
            return a**b
        case ast.UnaryOp(ast.USub(), operand):
            return -to_sympy(operand, symbols)
        case ast.UnaryOp(_, operand):
            return to_sympy(operand, symbols)
        case ast.Call(ast.Name(name), [argument]):
            return getattr(sympy, "log" if name == "ln" else name)(to_sympy(argument, symbols))
        case ast.Constant(value):
            return sympy.Rational(str(value))
        case ast.Name(name):
            return sympy.pi if name == "pi" else symbols[name]
    raise AssertionError(tree)  # read() lets nothing else through


# --- LaTeX ----------------------------------------------------------------------------------------


def to_latex(tree: ast.expr, special: Mapping[str, str]) -> str:
    """As one writes it by hand, in the order in which it was typed.

    Args: special, name -> LaTeX where it does not follow from the name.
    """

    def inside(part: ast.expr, *bracketed: type[ast.AST]) -> str:
        """A part, in brackets if its own operator is one of these"""
        shown = to_latex(part, special)
        operation = getattr(part, "op", part)
        return rf"\left({shown}\right)" if isinstance(operation, bracketed) else shown

    sums = (ast.Add, ast.Sub, ast.USub)
    match tree:
        case ast.BinOp(left, ast.Add(), right):
            return f"{to_latex(left, special)} + {inside(right, ast.USub)}"
        case ast.BinOp(left, ast.Sub(), right):
            return f"{to_latex(left, special)} - {inside(right, *sums)}"
        case ast.BinOp(left, ast.Mult(), right):
            dot = r"\cdot " if isinstance(right, ast.Constant) else " "
            return f"{inside(left, ast.Add, ast.Sub)}{dot}{inside(right, *sums)}"
        case ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.Div(), right):
            return "-" + to_latex(ast.BinOp(left, ast.Div(), right), special)
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{to_latex(left, special)}}}{{{to_latex(right, special)}}}"
        case ast.BinOp(left, ast.Pow(), right):
            base = inside(left, *sums, ast.Mult, ast.Div, ast.Pow, ast.Call)
            if isinstance(left, ast.Name) and "'" in base:
                base = f"{{{base}}}"
            return f"{base}^{{{to_latex(right, special)}}}"
        case ast.UnaryOp(operator, operand):
            sign = "-" if isinstance(operator, ast.USub) else "+"
            return f"{sign}{inside(operand, *sums)}"
        case ast.Call(ast.Name("sqrt"), [argument]):
            return rf"\sqrt{{{to_latex(argument, special)}}}"
        case ast.Call(ast.Name("exp"), [argument]):
            return f"e^{{{to_latex(argument, special)}}}"
        case ast.Call(_, [argument]):
            return r"\ln " + inside(argument, *sums, ast.Mult, ast.Div, ast.Pow, ast.Call)
        case ast.Name(name):
            return special.get(name) or name_to_latex(name)
    return ast.unparse(tree)


def name_to_latex(name: str) -> str:
    r"""sigma_t -> \sigma_t, xhat -> \hat{x}, gammaprime_t -> \gamma'_t"""
    base, _, index = name.partition("_")
    letter, mark = re.fullmatch(rf"(.+?)({'|'.join(_MARKS)})?", base).groups()  # type: ignore
    if letter == "epsilon":
        letter = r"\varepsilon"
    elif letter in _GREEK:
        letter = "\\" + letter
    shown = _MARKS[mark] % letter if mark else letter
    return f"{shown}_{{{index}}}" if index else shown


# --- HTML -----------------------------------------------------------------------------------------


def folded(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>{inside}</details>"


def folded_hints(exercise: Any) -> str:
    """In HTML, since a fold in Markdown falls open where nbconvert exports it"""
    hints = enumerate(exercise.hints, 1)
    return "".join(folded(f"Hint {i}", to_html(hint)) for i, hint in hints)


def to_html(markdown: str) -> str:
    """Paragraphs with formulas, in the brackets that every MathJax reads, and code."""
    text = html.escape(markdown, quote=False)
    text = re.sub(r"\$\$(.+?)\$\$", r"\\[\1\\]", text)
    text = re.sub(r"\$(.+?)\$", r"\\(\1\\)", text)
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))
