"""Pictures of lesson 13, one colour a method, and its tables."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from matplotlib.patches import Circle
from numpy.typing import ArrayLike

from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, slider
from .plots import BLACK, BLUE, GREEN, RED, SKY, Picture, subplots

METHODS = {
    "VDM": BLUE,
    "Analytic-DPM": SKY,
    "NPR-DPM": "#332288",
    "OCM": "#AA4499",
    "DDIM": BLACK,
    "DiffEnc": GREEN,
    "NDM": RED,
    "MuLAN": "#8A8000",
}
CHECKED, PAPER = "#00785A", "#8A5A00"  # of a statement in the table


# --- drawings -------------------------------------------------------------------------------------


def four_dials() -> Picture:
    """One step from z_t down to z_s, its four dials, and who turns each."""
    figure, ax = canvas(8, 4.3)
    box(ax, (0.6, 2.15), "$z_s$", COLOURS["z_t"], 0.8, 0.7)
    box(ax, (7.4, 2.15), "$z_t$", COLOURS["z_t"], 0.8, 0.7)
    arrow(ax, (6.95, 2.15), (1.05, 2.15), "", COLOURS["z_t"])
    words(ax, (4.0, 2.4), r"$z_s$ = mean + $\sqrt{\mathrm{variance}}\;\varepsilon$")
    words(ax, (4.0, 1.88), "VDM: all four at rest", METHODS["VDM"], weight="bold")
    dials = (
        (0.5, 3.8, "1  variance: how wide is the step?", ("Analytic-DPM", "NPR-DPM", "OCM")),
        (4.6, 3.8, "2  mean: where does it believe\nthe encoding goes?", ("DiffEnc", "NDM")),
        (0.5, 1.05, "3  noise: how much of it is fresh?", ("DDIM",)),
        (4.6, 1.05, "4  path: which pixel when?", ("MuLAN",)),
    )
    for x, y, question, names in dials:
        ax.add_patch(Circle((x, y), 0.3, facecolor="0.93", edgecolor="0.5", lw=1.8))
        ax.plot([x, x], [y, y + 0.3], color="0.3", lw=2.5, ls="-")
        words(ax, (x + 0.42, y), question, size=12.5, ha="left")
        for name, place in zip(names, (0.0, 1.5, 2.75), strict=False):
            at = (x + place * (1 if len(names) == 3 else 0.8) - 0.1, y - 0.62)
            words(ax, at, name, METHODS[name], 13, weight="bold", ha="left")
    return figure


# --- plots and explorers --------------------------------------------------------------------------


def methods_explorer(
    curves: Callable[[float, float], tuple[Mapping[str, ArrayLike], float]], z: ArrayLike
) -> Explorer:
    """Choose z_t and the length of the step: the true reverse, and what each method puts there.

    Args: curves(z_t, s), the densities at z by method, "truth" among them, and DDIM's point.
    """
    figure, ax = subplots(size=(5.1, 3.2))
    looks = {"truth": ("-", 7), "VDM": ("--", 2.2), "Analytic-DPM": ("-", 2.4), "OCM": ("--", 2.2)}
    lines = {}
    for name, (dash, width) in looks.items():
        look = {"color": METHODS.get(name, "0.72"), "ls": dash, "lw": width}
        (lines[name],) = ax.plot(z, np.zeros_like(np.asarray(z)), **look)
    (spike,) = ax.plot([0, 0], [0, 3], color=METHODS["DDIM"], lw=1.6, ls=":")
    for k, name in enumerate((*looks, "DDIM")):
        colour = METHODS.get(name, "0.5")
        ax.text(0.02, 0.95 - 0.1 * k, name, color=colour, transform=ax.transAxes, fontsize=12)
    ax.set(xlabel="$z_s$", ylabel="density", xlim=(-3, 3), ylim=(0, 1.6), title=" ")

    def draw(z_t: float, s: float) -> Picture:
        densities, point = curves(z_t, s)
        for name, line in lines.items():
            line.set_ydata(np.asarray(densities[name]))
        spike.set_xdata([point, point])
        return figure

    seen = slider("z_t", np.linspace(0, 2.4, 7), 1.6)
    end = slider("s", [0.4, 0.5, 0.62, 0.7, 0.76], 0.76)
    return Explorer(draw, seen, end, stills=[(4, 4), (4, 2), (0, 2), (4, 0)])


def variances(T: Sequence[int], coin: ArrayLike, pair: ArrayLike) -> Picture:
    """The gap by number of steps; columns are w = 1, w* of a step, w* of a latent."""
    figure, axes = subplots(1, 2, size=(9.6, 3.7))
    names, dashes = ("VDM", "Analytic-DPM", "OCM"), ("-", "-", "--")
    titles = ("a coin: steeper with OCM", "two correlated normals: not steeper")
    beside = ("", "and OCM: one line")
    for ax, gaps, title, second in zip(axes, (coin, pair), titles, beside, strict=True):
        for row, name, dash in zip(np.asarray(gaps).T, names, dashes, strict=True):
            ax.loglog(T, row, dash, color=METHODS[name], lw=2.4)
        ax.set(xlabel="number of steps $T$", title=title, ylim=(1e-4, 1e6), xlim=(0.9, 700))
        ax.text(1.2, 0.09, "Analytic-DPM", color=METHODS["Analytic-DPM"])
        ax.text(1.2, 0.01, second, color=METHODS["OCM"])
        ax.text(3, 2e4, "VDM, $w=1$", color=METHODS["VDM"])
    axes[0].set_ylabel("gap, nats")
    axes[0].text(40, 4e-4, "OCM", color=METHODS["OCM"], ha="center")
    return figure


def means(T: Sequence[int], gaps: Mapping[str, ArrayLike], limit: float) -> Picture:
    """The gap of a moving encoding by T; gaps[method] has the columns w = 1 and w*."""
    figure, ax = subplots(size=(8, 4.0))
    for name, rows in gaps.items():
        for column, dash in zip(np.asarray(rows).T, ("-", "--"), strict=True):
            ax.loglog(T, column, dash, color=METHODS[name], lw=4 if name == "DiffEnc" else 2)
    ax.axhline(limit, color="0.5", lw=1, ls=":")
    ax.text(2, 0.85 * limit, "infinite depth", color="0.4", va="top", fontsize=11)
    ax.text(12, 300, "$w=1$: both fall", fontsize=13)
    ax.text(2.2, 0.75, "DiffEnc's mean, $w^*$", color=METHODS["DiffEnc"])
    ax.text(4.2, 8e-4, "NDM's mean, $w^*$: not NDM", color=METHODS["NDM"])
    ax.text(2.6, 1.3e4, "DiffEnc", color=METHODS["DiffEnc"])
    ax.text(2.0, 1.2e2, "NDM", color=METHODS["NDM"])
    ax.set(xlabel="number of steps $T$", ylabel="gap, nats", xlim=(1.8, 1200), ylim=(3e-5, 1e5))
    ax.set_title("what grows with $T$ is a hybrid of two papers")
    return figure


def spreads(T: Sequence[int], rows: Mapping[str, Mapping[float, ArrayLike]]) -> Picture:
    """Standard deviation of the samples by T, for each 1/w (VDM) or rho (DDIM)."""
    figure, axes = subplots(1, 2, size=(9.6, 3.6))
    titles = "less noise: the VDM's samples fade", "DDIM: the spread comes back with $T$"
    labels: dict[str, dict[str, tuple[float, float]]] = {
        "VDM": {"$1/w$ = 1": (250, 0.88), "$1/w$ = 0.25": (150, 0.55), "$1/w$ = 0": (250, 0.13)},
        "DDIM": {r"$\rho$ = 0, 0.25": (1.1, 0.75), r"$\rho$ = 1": (14, 0.62)},
    }
    for ax, title, (name, lines) in zip(axes, titles, rows.items(), strict=True):
        for rho, values in lines.items():
            ax.semilogx(T, values, "o-", color=METHODS[name], alpha=1 - 0.55 * rho, ms=4)
        for text, place in labels[name].items():
            ax.text(*place, text, fontsize=12)
        ax.axhline(1, color="0.6", lw=1, ls="-")
        ax.set(xlabel="number of steps $T$", title=title, ylim=(0, 1.1))
    axes[0].set_ylabel("spread of samples")
    return figure


def paths(bends: ArrayLike, more: Mapping[str, ArrayLike]) -> Picture:
    """Left: two paths of two pixels. Right: nats more than on the straight path, by denoiser."""
    figure, (left, right) = subplots(1, 2, size=(9.6, 3.8))
    u = np.linspace(0, 1, 100)
    for h, place in ((0.0, (-1.4, 0.4)), (4.0, (1.6, -3.4))):
        left.plot(-6 + 11 * u + h * u * (1 - u), -6 + 11 * u - h * u * (1 - u),
                  color=METHODS["MuLAN"], ls="-")  # fmt: skip
        left.text(*place, f"$h$ = {h:g}", ha="right" if h == 0 else "left")
    left.set(xlabel=r"$\gamma$ of pixel 1", ylabel=r"$\gamma$ of pixel 2", aspect="equal")
    left.set_title("which pixel first?")
    for (name, values), dash in zip(more.items(), ("-", "--", "-"), strict=True):
        colour = METHODS["VDM"] if dash == "--" or name == "right" else METHODS["MuLAN"]
        right.plot(bends, values, ls=dash, color=colour)
    right.text(0, -0.06, "right, or consistently wrong", color=METHODS["VDM"], ha="center")
    right.set_ylim(bottom=-0.09)
    top = float(np.max(np.asarray(more["told the mean"])))
    right.text(0, 0.6 * top, "told only\nthe mean $\\gamma$", color=METHODS["MuLAN"], ha="center")
    right.set(xlabel="bend $h$", ylabel="nats more", title="only the inconsistent denoiser pays")
    return figure


# --- the tables -----------------------------------------------------------------------------------


ROWS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("lesson_13.toml").read_text(encoding="utf-8")
)


def formulas() -> Markdown:
    """The mean and the variance of a step, a row each method."""
    rows = []
    for name, row in ROWS.items():
        link = re.sub(r"(\d{4}\.\d{5})", r"[\1](https://arxiv.org/abs/\1)", row["paper"])
        rows.append((f"{_marked(name)}<br>{link}", row["mean"], row["variance"]))
    return Markdown(_table(("method, paper", "mean of $z_s$", "variance"), rows))


def checked_table(checked: Mapping[str, str]) -> Markdown:
    """What a method buys and costs. Args: what was checked here, and how, by method."""
    if set(checked) != set(ROWS):
        raise ValueError(f"checked must have the methods {list(ROWS)}; got {list(checked)}")
    shown = [
        (_marked(name), _coloured(row["buys"]), _coloured(row["costs"]))
        for name, row in ROWS.items()
    ]
    how = _table(("method", "checked"), [(_marked(name), checked[name]) for name in ROWS])
    table = _table(("method", "buys", "costs"), shown)
    fold = "<details><summary>How it was checked, row by row</summary>"
    return Markdown(f"{table}\n\n{fold}\n\n{how}\n\n</details>")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _marked(name: str) -> str:
    return f'<b style="border-left:6px solid {METHODS[name]};padding-left:6px">{name}</b>'


def _coloured(told: str) -> str:
    colours = {"✓": CHECKED, "◇": PAPER}
    return "<br>".join(
        f'<span style="color:{colours[line[0]]}">{line}</span>' for line in told.splitlines()
    )
