"""The main line of the derivation as a drawing: a box a row, an arrow for what rests on what."""

from ..exercises import CHAINS
from ..ledger import LEDGER
from .drawing import COLOURS, Nodes, Point, arrow, box, canvas, shortest, words
from .plots import BLACK, Picture

WIDTH, HEIGHT = 0.74, 0.5  # of a box
PLACES: dict[str, tuple[Point, str, str]] = {
    "F1": ((0.6, 2.35), "noise\nat once", COLOURS["q"]),
    "F2": ((1.68, 2.35), "one step\nforward", COLOURS["q"]),
    "F3": ((2.76, 2.35), "one step\nback", COLOURS["q"]),
    "G3": ((3.84, 2.35), "the same,\nguessed", COLOURS["p"]),
    "L2": ((4.92, 2.35), "loss of\na step", COLOURS["diffusion"]),
    "L3": ((6.0, 0.9), "short steps\nof a VDM", COLOURS["diffusion"]),
    "L4": ((6.0, 2.35), "infinite\ndepth", COLOURS["diffusion"]),
    "E2": ((0.6, 0.9), "scaling\nencoder", COLOURS["scaling"]),
    "E3": ((4.92, 0.9), "learned\nencoder", COLOURS["learned"]),
    "KL": ((3.84, 3.8), "two\nGaussians", BLACK),
    "G4": ((4.92, 3.8), "x, noise\nand v", COLOURS["p"]),
    "W1": ((6.0, 3.8), "the best\nratio", BLACK),
    "W2": ((7.08, 3.8), "why w is 1\nin the limit", BLACK),
    "X4": ((7.08, 2.35), "why scaling\nloses", BLACK),
    "X5": ((7.08, 0.9), "what no\nbound beats", BLACK),
}


def links() -> Nodes:
    """Chain -> the chains that its row of the ledger rests on, without those that follow from
    others: the arrows of `blueprint`, and as they point there."""

    def below(tag: str) -> set[str]:
        rows = LEDGER[tag].rests_on
        return set(rows).union(*map(below, rows))

    return shortest({tag: below(tag) & set(CHAINS) for tag in CHAINS})


def main_line() -> Picture:
    """The chains of proof levels, with the number of levels in each."""
    figure, ax = canvas(8.8, 4.35)
    words(ax, (0.2, 4.0), "small number: levels", "0.35", 10, ha="left")
    words(ax, (0.2, 3.75), "arrow: to a row that rests on this one", "0.35", 10, ha="left")
    for tag, used in links().items():
        (x, y), text, colour = PLACES[tag]
        box(ax, (x, y), tag, colour, WIDTH, HEIGHT)
        over = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # the arrows
        words(ax, (x, y - 0.55), text, size=10, bbox=over)
        words(ax, (x + WIDTH / 2 + 0.02, y + 0.36), str(len(CHAINS[tag].levels)), "0.35", 9)
        for other in sorted(used):
            (left, height), _, _ = PLACES[other]
            start = (left + WIDTH / 2 + 0.02, height + 0.17 * (y > height) - 0.17 * (y < height))
            end = (x - WIDTH / 2 - 0.02, y + 0.17 * (height > y) - 0.17 * (height < y))
            if left == x:  # from below the words of the one to the box of the other, or back
                edge, below = HEIGHT / 2 + 0.02, 0.8
                start = (x, height - below if height > y else height + edge)
                end = (x, y + edge if height > y else y - below)
            arrow(ax, start, end, colour="0.55")
    return figure
