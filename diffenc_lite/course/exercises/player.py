"""The ways to play a proof level: a line of code, or buttons.

The buttons are a goal, a field for the answer, check, hint, skip and back. Without a kernel the
page shows all levels, folded. No widget state is stored; what is solved is kept in a small file in
the working folder, and never read by anything else.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets

from ...arguments import check_one_of
from ...files import write_whole
from . import writing
from .checking import Mark, judge
from .levels import CHAINS, LEVELS, Game, Level, as_latex
from .writing import folded, to_html

FILE = "proof_levels.json"  # where `play` keeps what is solved, in the working folder
GREEN, RED = "#1a7f37", "#b3261e"


@dataclass(frozen=True)
class Reply:
    """What the machine says to a try at a level; if it is right, with the line and the reason."""

    level: Level
    verdict: Mark

    def __repr__(self) -> str:
        return self.verdict.text

    def _repr_markdown_(self) -> str:
        return self.verdict.text + f"\n\n{self.level.said}" * self.verdict.right


def level(number: str, answer: Any = None) -> Level | Reply:
    """A level to look at or, with an answer, the machine's reply to it.

    Args: answer, text such as "sigma_s**2 * c", or a SymPy expression. Raises ValueError for a
        number that does not exist.
    """
    if number not in LEVELS:
        raise ValueError(
            f"number must be that of a level, such as F3.1, of the chains {', '.join(CHAINS)}; "
            f"got {number!r}"
        )
    level = LEVELS[number]
    return level if answer is None else Reply(level, judge(level, answer))


def play(*chains: str, file: str | Path | None = FILE, anew: bool = False) -> Player:
    """Play chains of levels in a notebook: play("F3"), play("E2", "E3"); play() offers all.

    Args: file, where solved levels are kept (None: nowhere); anew, forget those that it holds.
    Raises ValueError for a chain that does not exist, and for a file that is no such record.
    """
    for tag in chains:
        check_one_of("chains", tag, CHAINS)
    return Player([CHAINS[tag] for tag in chains or CHAINS], file, anew)


class Player:
    """Chains of levels to play, as `play` makes it. The last line of a cell shows it; `widget` is
    all of it."""

    def __init__(self, chains: Sequence[Game], file: str | Path | None, anew: bool):
        self.chains = list(chains)
        self.file = None if file is None else Path(file)
        self.solved = {} if anew or self.file is None else read_progress(self.file)
        self._make_widgets()
        self._open_chain()

    # --- what is on the screen --------------------------------------------------------------------

    def _make_widgets(self) -> None:
        width = {"width": "420px", "max_width": "100%"}
        names = [(f"{c.tag} · {c.title}", i) for i, c in enumerate(self.chains)]
        self.chooser = ipywidgets.Dropdown(options=names, description="chain", layout=width)
        self.bar = ipywidgets.IntProgress(layout=width)
        self.count, self.goal, self.reply = (ipywidgets.HTMLMath() for _ in range(3))
        self.field = ipywidgets.Text(
            description="answer",
            placeholder="products with *, powers with **",
            layout={"width": "620px", "max_width": "100%"},
        )
        with warnings.catch_warnings():  # Enter has no other event
            warnings.simplefilter("ignore", DeprecationWarning)
            self.field.on_submit(lambda _: self.check())
        actions = {
            "check": self.check,
            "hint": self.hint,
            "back": lambda: self._show(self.position - 1),
            "skip": lambda: self._show(self.position + 1),
        }
        self.buttons = {name: _button(name, "90px", action) for name, action in actions.items()}
        self.buttons["check"].button_style = "primary"
        self.known = ipywidgets.HBox(layout={"flex_flow": "row wrap"})
        self.map = ipywidgets.HTML()
        self.chooser.observe(lambda _: self._open_chain(), names="value")
        row = ipywidgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"})
        head = [self.map, self.chooser] if len(self.chains) > 1 else []
        self.widget = ipywidgets.VBox(
            [*head, self.count, self.bar, self.goal, self.field, self.known, row, self.reply]
        )

    @property
    def chain(self) -> Game:
        return self.chains[self.chooser.value]

    @property
    def level(self) -> Level:
        return self.chain.levels[self.position]

    def _open_chain(self) -> None:
        """At its first level that is not solved yet"""
        solved = [level.number in self.solved for level in self.chain.levels]
        self._show([*solved, False].index(False))

    def _show(self, position: int) -> None:
        """The level there, or the last or first one"""
        n = len(self.chain.levels)
        self.position = max(0, min(position, n - 1))
        self.unfolded, level = 0, self.level  # hints of it
        done = sum(e.number in self.solved for e in self.chain.levels)
        self.bar.max, self.bar.value = n, done
        self.bar.bar_style = "success" if done == n else ""
        self.count.value = _html(
            f"<b>{self.chain.tag} · {self.chain.title}</b>: level {self.position + 1} of {n}, "
            f"{done} solved{to_html(self.chain.setting)}"
        )
        self.goal.value = _html(f"<b>{level.title}</b>{to_html(level.goal)}")
        self.field.value = self.solved.get(level.number, "")
        self.known.children = tuple(
            _button(f"insert {used}", "110px", partial(self._insert, used)) for used in level.uses
        )
        self.map.value = "".join(map(self._place, self.chains))
        self.buttons["back"].disabled = self.position == 0
        self._say(level.said if level.number in self.solved else "")

    def _place(self, chain: Game) -> str:
        """A chain on the map: it lights up as its levels are solved"""
        share = sum(e.number in self.solved for e in chain.levels) / len(chain.levels)
        lit = f"background: linear-gradient(90deg, #9be3ae {share:.0%}, #eee {share:.0%})"
        style = f"{lit}; color: #222; padding: 2px 8px; margin: 2px; border-radius: 6px"
        return f'<span style="{style}; display: inline-block">{chain.tag}</span>'

    def _say(self, markdown: str, colour: str = "inherit") -> None:
        said = _html(to_html(markdown))
        self.reply.value = f'<div style="color: {colour}" role="status">{said}</div>'
        self.buttons["skip"].disabled = self.position + 1 == len(self.chain.levels)
        self.buttons["skip"].description = "next" if self.level.number in self.solved else "skip"

    # --- what the buttons do ----------------------------------------------------------------------

    def check(self) -> None:
        """Judge what stands in the field; keep it if it is right."""
        text = self.field.value.strip()
        if not text:
            return self._say("Type an answer first.")
        verdict = judge(self.level, text)
        if not verdict.right:
            said = verdict.text.removeprefix(f"Exercise {self.level.number}: ").partition(" Hint:")
            return self._say(f"{_echo(text)}{said[0]} Press hint for help.", RED)
        self.solved[self.level.number] = text
        trouble = self._keep()
        self._show(self.position)
        end = "\n\nThis chain is complete." if self.bar.value == self.bar.max else ""
        return self._say(f"Right. {self.level.said}{end}{trouble}", GREEN)

    def hint(self) -> None:
        """Unfold the next hint; after the last one, the answer."""
        level = self.level
        self.unfolded = min(self.unfolded + 1, len(level.hints) + 1)
        hints = [f"Hint {i}: {hint}" for i, hint in enumerate(level.hints, 1)]
        answer = f"Answer: `{level.answer}`$${level.equation}$$ {level.why}"
        self._say("\n\n".join([*hints, answer][: self.unfolded]))

    def _insert(self, number: str) -> None:
        """Write the formula of a level before into the field."""
        self.field.value += LEVELS[number].answer

    def _keep(self) -> str:
        """Write the file; what went wrong, as a sentence, if it did."""
        record = {"about": "proof levels of diffenc_lite", "solved": self.solved}
        try:
            if self.file is not None:
                write_whole(self.file, json.dumps(record, indent=1).encode("utf-8"))
        except OSError as error:
            return f"\n\nYour progress is not kept: {error.strerror}."
        return ""

    # --- without a kernel -------------------------------------------------------------------------

    def __repr__(self) -> str:
        n, tags = sum(len(c.levels) for c in self.chains), ", ".join(c.tag for c in self.chains)
        return f"{n} proof levels: {tags}. Play where a kernel runs."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """All levels, folded, and the widget"""
        pages = [(f"{c.tag} · {c.title}", c._repr_html_()) for c in self.chains]
        page = pages[0][1] if len(pages) == 1 else "".join(folded(*page) for page in pages)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {
            "text/plain": repr(self),
            "text/html": page,
            "application/vnd.jupyter.widget-view+json": view,
        }


def _button(name: str, width: str, action: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=name, layout={"width": width})
    button.on_click(lambda _: action())
    return button


def _echo(text: str) -> str:
    """What was typed, as a formula"""
    try:
        return f"You wrote ${as_latex(text)}$: "
    except writing.Unreadable:
        return ""


def _html(text: str) -> str:
    return f'<div style="max-width: 46em; line-height: 1.4">{text}</div>'


def read_progress(file: Path) -> dict[str, str]:
    """Solved levels with their answers; empty if there is no file yet.

    Raises ValueError for a file that is no such record.
    """
    try:
        solved = json.loads(file.read_text(encoding="utf-8"))["solved"]
        if not all(isinstance(text, str) and number in LEVELS for number, text in solved.items()):
            raise ValueError("it names levels that do not exist")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"file {file} is not a record of solved levels ({type(error).__name__}: {error}); move "
            "it away to keep it, or start anew with play(..., anew=True)"
        ) from None
    return dict(solved)
