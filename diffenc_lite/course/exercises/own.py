"""Whose a piece of the lab is, by the cell that it was written in, and all of them in one file."""

import builtins
import inspect
import linecache
import re
import symtable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import write_whole
from . import lesson_15
from .checking import RIGHT, find, judge
from .forms import Exercise, answer_name

HEAD = '''"""A DiffEnc for digits of 8 x 8 pixels and 17 levels, in the notation of the paper."""

import copy
import math
from itertools import chain, pairwise

import torch
import torch.nn.functional as F
from torch import nn


def to_x(levels):
    return (2 * levels.long() + 1) / 17 - 1
'''
TAKEN: dict[str, Any] = {}  # pieces by their names in the notebook
NOT_CODE = re.compile(r"^(check\(|ask\(|###|# Ignore|%).*\n?", re.MULTILINE)


def take(exercise: str | Exercise, answer: Any) -> Any:
    """The answer if it is right, else the one of the exercise. Prints which. Errors as `judge`.

    A solution does not replace what you wrote and `check` found right."""
    known = find(exercise)
    yours = [given for given in RIGHT.get(known, ()) if whose(known, given) == "yours"]
    if yours and whose(known, answer) == "the solution's":
        answer = yours[-1]
    piece = answer if judge(known, answer).right else known.answer
    print(f"{known.number}: {whose(known, piece)}")
    TAKEN[getattr(known.answer, "__name__", "")] = piece
    return piece


def whose(exercise: str | Exercise, piece: Any) -> str:
    """The library's (after a skip), the solution's, or yours"""
    if piece is find(exercise).answer:
        return "the library's"
    return "the solution's" if "### BEGIN SOLUTION" in cell_of(piece) else "yours"


def cell_of(piece: Any) -> str:
    """The cell that defines a function or a class, as it was run"""
    parts = [piece, *(vars(piece).values() if isinstance(piece, type) else [])]
    codes = [inspect.unwrap(part).__code__ for part in parts if inspect.isfunction(part)]
    return "".join(linecache.getlines(codes[0].co_filename)) if codes else ""


def collect(path: str | Path, pieces: Mapping[str, Any]) -> Path:
    """Write a file that needs no notebook: the cells of the pieces of lesson 15, each under its
    name; of the library's an import. Prints the names that a cell uses and no cell defines."""
    parts = [HEAD]
    for k, (name, piece) in enumerate(pieces.items(), 1):
        if whose(f"15.{k}", piece) == "the library's":
            parts.append(f"from {lesson_15.__name__} import {name}  # skipped\n")
        else:
            cell = re.sub(rf"\b{answer_name(f'15.{k}')}\b", name, cell_of(piece))
            parts.append(NOT_CODE.sub("", cell).strip() + "\n")
    text = "\n\n".join(parts)
    write_whole(path, text.encode())
    known = names_of(text)[0] | {*vars(builtins)}
    for name, part in zip(pieces, parts[1:], strict=True):
        for lacking in sorted(names_of(part)[1] - known):
            print(f"{name} needs {lacking}, which is not in its cell")
    return Path(path)


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that code binds at its top, and those it uses there or as globals"""
    table = symtable.symtable(source, "cell", "exec")
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    return made, _used(table)


def _used(table: symtable.SymbolTable) -> set[str]:
    used = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return used.union(*map(_used, table.get_children()))
