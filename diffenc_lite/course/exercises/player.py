"""Proof levels with buttons: a goal, a field for the answer, check, hint, skip and back.

Without a kernel the page shows all levels, folded. No widget state is stored; what is solved is
kept in a small file in the working folder, and never read by anything else.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets

from ...files import write_whole
from . import writing
from .checking import judge
from .levels import LEVELS, Game, Level, as_latex
from .writing import folded, to_html

GREEN, RED = "#1a7f37", "#b3261e"


class Player:
    """Chains of levels to play. The last line of a cell shows it; `widget` is all of it.

    Args: chains; file, where solved levels are kept (None: nowhere); anew, forget those it holds.
    Raises ValueError if the file is no record of solved levels.
    """

    def __init__(self, chains: Sequence[Game], file: str | Path | None, anew: bool = False):
        self.chains = list(chains)
        self.file = None if file is None else Path(file)
        self.solved = {} if anew or self.file is None else read_progress(self.file)
        self._make_widgets()
        self._open_chain()

    # --- what is on the screen --------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.chooser = ipywidgets.Dropdown(
            options=[(f"{c.tag} · {c.title}", i) for i, c in enumerate(self.chains)],
            description="chain",
            layout={"width": "420px", "max_width": "100%"},
        )
        self.bar = ipywidgets.IntProgress(layout={"width": "420px", "max_width": "100%"})
        self.count, self.goal, self.reply = (ipywidgets.HTMLMath() for _ in range(3))
        self.field = ipywidgets.Text(
            description="answer",
            placeholder="products with *, powers with **",
            layout={"width": "620px", "max_width": "100%"},
        )
        with warnings.catch_warnings():  # Enter has no other event
            warnings.simplefilter("ignore", DeprecationWarning)
            self.field.on_submit(lambda _: self.check())
        actions = {"check": self.check, "hint": self.hint, "back": self.back, "skip": self.skip}
        self.buttons = {
            name: ipywidgets.Button(description=name, layout={"width": "90px"}) for name in actions
        }
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: actions[name]())
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
        open_ = [i for i, e in enumerate(self.chain.levels) if e.number not in self.solved]
        self.position = open_[0] if open_ else len(self.chain.levels) - 1
        self._show()

    def _show(self) -> None:
        self.unfolded = 0  # hints of this level
        level, n = self.level, len(self.chain.levels)
        done = sum(e.number in self.solved for e in self.chain.levels)
        self.bar.max, self.bar.value = n, done
        self.bar.bar_style = "success" if done == n else ""
        self.count.value = _html(
            f"<b>{self.chain.tag} · {self.chain.title}</b>: level {self.position + 1} of {n}, "
            f"{done} solved{to_html(self.chain.setting)}"
        )
        self.goal.value = _html(f"<b>{level.title}</b>{to_html(level.goal)}")
        self.field.value = self.solved.get(level.number, "")
        self.known.children = tuple(map(self._insert, level.uses))
        self.map.value = "".join(map(self._place, self.chains))
        self.buttons["back"].disabled = self.position == 0
        self._say(level.said if level.number in self.solved else "")

    def _insert(self, number: str) -> ipywidgets.Button:
        """A button that writes the formula of a level before into the field"""
        button = ipywidgets.Button(description=f"insert {number}", layout={"width": "110px"})

        def insert(_: Any) -> None:
            self.field.value += LEVELS[number].answer

        button.on_click(insert)
        return button

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
        self._show()
        end = "\n\nThis chain is complete." if self.bar.value == self.bar.max else ""
        return self._say(f"Right. {self.level.said}{end}{trouble}", GREEN)

    def hint(self) -> None:
        """Unfold the next hint; after the last one, the answer."""
        level = self.level
        self.unfolded = min(self.unfolded + 1, len(level.hints) + 1)
        hints = [f"Hint {i}: {hint}" for i, hint in enumerate(level.hints, 1)]
        answer = f"Answer: `{level.answer}`$${level.equation}$$ {level.why}"
        self._say("\n\n".join([*hints, answer][: self.unfolded]))

    def skip(self) -> None:
        if self.position + 1 < len(self.chain.levels):
            self.position += 1
            self._show()

    def back(self) -> None:
        if self.position > 0:
            self.position -= 1
            self._show()

    def _keep(self) -> str:
        """Write the file; what went wrong, as a sentence, if it did."""
        if self.file is None:
            return ""
        try:
            write_progress(self.file, self.solved)
        except OSError as error:
            return f"\n\nYour progress is not kept: {error.strerror}."
        return ""

    # --- without a kernel -------------------------------------------------------------------------

    def page(self) -> str:
        """All levels in HTML, folded."""
        pages = [(f"{c.tag} · {c.title}", c._repr_html_()) for c in self.chains]
        return pages[0][1] if len(pages) == 1 else "".join(folded(*page) for page in pages)

    def __repr__(self) -> str:
        n, tags = sum(len(c.levels) for c in self.chains), ", ".join(c.tag for c in self.chains)
        return f"{n} proof levels: {tags}. Play where a kernel runs."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {
            "text/plain": repr(self),
            "text/html": self.page(),
            "application/vnd.jupyter.widget-view+json": view,
        }


def _echo(text: str) -> str:
    """What was typed, as a formula"""
    try:
        return f"You wrote ${as_latex(text)}$: "
    except writing.Unreadable:
        return ""


def _html(text: str) -> str:
    return f'<div style="max-width: 46em; line-height: 1.4">{text}</div>'


# --- progress -------------------------------------------------------------------------------------


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


def write_progress(file: Path, solved: dict[str, str]) -> None:
    """Raises OSError, naming the file."""
    text = json.dumps({"about": "proof levels of diffenc_lite", "solved": solved}, indent=1)
    write_whole(file, text.encode("utf-8"))
