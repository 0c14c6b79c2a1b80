"""The cheapest grid of depths: what prices all pairs of depths.                               W4"""

from itertools import combinations_with_replacement

from ._language import *
from .counterterm import A, tau
from .finer_ratios import J, N, tau_n
from .finer_ratios import x_n as x_hat

at_t, at_s = (IndexedBase(letter, real=True)[n] for letter in ("x_t", "x_s"))
SYMBOLS = {x_hat: r"\hat x", at_t: "x_t", at_s: "x_s"}
MEAN = {  # of the product of two: its name
    (one, other): name(rf"\langle {SYMBOLS[one]},{SYMBOLS[other]}\rangle", real=True)
    for one, other in combinations_with_replacement(SYMBOLS, 2)
}


@row("The cheapest grid of depths", "07",
    r"The error of a step from $t$ down to $s$ needs six means of products at the two depths (G5, "
    r"W7). With the price $k_{ij}$ of a step between the nodes $i<j$ of a fine grid, $V_1(j)="
    r"k_{0j}$ and $V_k(j)=\min_{i<j}(V_{k-1}(i)+k_{ij})$ is the price of the best path with $k$ "
    "edges from node 0 to node $j$: its last edge comes from some $i$, and what comes before is a "
    "path with $k-1$ edges to $i$, which costs at least $V_{k-1}(i)$. The six means:",
    forms="edge")
def W4(D: Row) -> None:
    for number, (one, other) in enumerate(MEAN, start=1):
        D.define(f"mean_{number}", "With the mean of a product of two things that are known at one "
            "depth each,", MEAN[one, other], Sum(one * other, (n, 1, N)) / N)
    target = use("G5.tau", {tau: tau_n, x_t: at_t, x_s: at_s})
    D.step("edge", "write out the square of W7, which says what a step costs at $w=1$ or at $w^*$ "
        "(W1): a network that was asked once at each depth prices all pairs of depths.",
        J, A**2 * MEAN[x_hat, x_hat]
            + 2 * A * ((1 - c) * MEAN[x_hat, at_t] - MEAN[x_hat, at_s])
            + (1 - c) ** 2 * MEAN[at_t, at_t] - 2 * (1 - c) * MEAN[at_t, at_s] + MEAN[at_s, at_s],
        uses=["W7.error", target, *(f"mean_{number}" for number in range(1, 7))])
