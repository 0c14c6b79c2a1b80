"""The ledger as a picture: a box for each row, coloured by what is proved, arrows to what uses it,
orange where a form that is argued is used.

blueprint.picture()                # the whole derivation
blueprint.in_words()               # the same in a sentence
"""

from graphlib import TopologicalSorter

import numpy as np

from ..ledger import LEDGER
from .drawing import Nodes, Point, canvas, shortest, words
from .plots import BLUE, GREEN, ORANGE, Picture

SAID = {"proved": GREEN, "defined": BLUE, "argued": ORANGE}
ARROW = "#9a9a9a"


def premises() -> Nodes:
    return {tag: set(row.rests_on) for tag, row in LEDGER.items()}


def argued(tag: str, other: str) -> bool:
    """Whether one of the forms of the other row that this one uses rests on words"""
    used = (use.key.split(".") for e in LEDGER[tag].derive() for use in e.uses)
    return any(LEDGER[row][form].behind("argued") for row, form in used if row == other)


def chains(nodes: Nodes) -> dict[str, list[str]]:
    """The longest chain of rows that ends in each"""
    longest: dict[str, list[str]] = {}
    for tag in TopologicalSorter(nodes).static_order():
        below = [longest[other] for other in sorted(nodes[tag], reverse=True)]
        longest[tag] = [*max(below, key=len, default=[]), tag]
    return longest


def places(nodes: Nodes, width: float, height: float) -> dict[str, Point]:
    """The centre of each box: in its column, near the middle of its neighbours"""
    above = {tag: {user for user, below in nodes.items() if tag in below} for tag in nodes}
    depth = {tag: len(chain) - 1 for tag, chain in chains(nodes).items()}
    for tag in sorted(nodes, key=depth.__getitem__, reverse=True):  # as near to users as it can
        depth[tag] = min((depth[user] - 1 for user in above[tag]), default=depth[tag])
    columns = [[tag for tag in nodes if depth[tag] == d] for d in range(max(depth.values()) + 1)]
    near = {tag: sorted(nodes[tag] | above[tag]) for tag in nodes}
    level: dict[str, float] = {}
    for _ in range(20):
        for column in columns:
            middle = {
                tag: sum(level.get(t, 0.5) for t in near[tag]) / max(1, len(near[tag]))
                for tag in column
            }
            column.sort(key=middle.__getitem__)
            level |= {tag: (n + 0.5) / len(column) for n, tag in enumerate(column)}
    return {tag: ((depth[tag] + 0.5) * width / len(columns), height * level[tag]) for tag in nodes}


def bend(start: Point, end: Point, boxes: list[Point]) -> float:
    """The curvature of an arrow that meets the fewest of the boxes, the smallest of several."""

    def met(rad: float) -> int:
        (x0, y0), (x1, y1) = start, end
        middle = (x0 + x1) / 2 + rad * (y1 - y0), (y0 + y1) / 2 - rad * (x1 - x0)
        t = np.linspace(0, 1, 60)[:, None]
        path = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * middle + t**2 * np.array(end)
        near = np.abs(path[:, None] - np.array(boxes)) < (0.3, 0.24)
        return int(near.all(-1).any(0).sum())

    tried = (0.0, 0.08, -0.08, 0.15, -0.15, 0.22, -0.22, 0.3, -0.3)
    return min(tried, key=lambda rad: (met(rad), abs(rad)))


def picture(link: str = "") -> Picture:
    """All rows of the ledger and what rests on what. `link`: the address of a row's page, with {}
    for its tag; saved as SVG, every box then leads there."""
    nodes = shortest(premises())
    width, height = 10.0, 6.4
    figure, ax = canvas(width, height + 0.6)
    where = places(nodes, width, height)
    for tag, below in nodes.items():
        for other in sorted(below):
            boxes = [at for name, at in where.items() if name not in (tag, other)]
            colour = ORANGE if argued(tag, other) else ARROW
            style = {"arrowstyle": "-|>", "color": colour, "shrinkA": 14, "shrinkB": 14, "lw": 1}
            style["connectionstyle"] = f"arc3,rad={bend(where[other], where[tag], boxes)}"
            ax.annotate("", where[tag], where[other], arrowprops=style)
    for tag, at in where.items():
        colour = SAID[LEDGER[tag].word()]
        frame = {"boxstyle": "round,pad=0.3", "fc": "white", "ec": colour, "lw": 2.4}
        address = link.format(tag) or None
        words(ax, at, tag, colour, bbox=frame, weight="bold", url=address)
        if (patch := ax.texts[-1].get_bbox_patch()) is not None:
            patch.set_url(address)
    words_said = {LEDGER[tag].word() for tag in nodes}
    for n, said in enumerate(said for said in SAID if said in words_said):
        words(ax, (1.2 + 2.4 * n, height + 0.3), said, SAID[said], weight="bold")
    return figure


def in_words() -> str:
    """How many rows bear each word, and the longest chain"""
    words_said = [row.word() for row in LEDGER.values()]
    counted = ", ".join(f"{words_said.count(e)} {e}" for e in SAID if e in words_said)
    chain = max(chains(premises()).values(), key=lambda chain: (len(chain), chain[-1]))
    rows = f"{len(LEDGER)} rows: {counted}."
    return f"{rows} The longest chain has {len(chain)}: {' → '.join(chain)}."
