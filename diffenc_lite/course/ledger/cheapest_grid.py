"""The cheapest grid of depths: what prices all pairs of depths.                               W4"""

from ._language import *
from .counterterm import A, tau
from .finer_ratios import J, N, tau_n
from .finer_ratios import x_n as x_hat

at_t, at_s = (IndexedBase(letter, real=True)[n] for letter in ("x_t", "x_s"))


def mean(first: Expr, second: Expr) -> Symbol:
    """A name for the mean of a product"""
    letters = {x_hat: r"\hat x", at_t: "x_t", at_s: "x_s"}
    return name(rf"\langle {letters[first]},{letters[second]}\rangle", real=True)


PAIRS = [(x_hat, x_hat), (x_hat, at_t), (x_hat, at_s), (at_t, at_t), (at_t, at_s), (at_s, at_s)]


@row("The cheapest grid of depths", "07",
    r"The error of a step from $t$ down to $s$ needs six means of products at the two depths (G5, "
    r"W7). With the price $k_{ij}$ of a step between the nodes $i<j$ of a fine grid, $V_1(j)="
    r"k_{0j}$ and $V_k(j)=\min_{i<j}(V_{k-1}(i)+k_{ij})$ is the price of the best path with $k$ "
    "edges from node 0 to node $j$: its last edge comes from some $i$, and what comes before is a "
    "path with $k-1$ edges to $i$, which costs at least $V_{k-1}(i)$. The six means:",
    forms="edge")
def W4(D: Row) -> None:
    for number, (first, second) in enumerate(PAIRS, start=1):
        D.define(f"mean_{number}", "With the mean of a product of two things that are known at one "
            "depth each,", mean(first, second), Sum(first * second, (n, 1, N)) / N)
    target = use("G5.tau", {tau: tau_n, x_t: at_t, x_s: at_s})
    D.step("edge", "write out the square of W7, which says what a step costs at $w=1$ or at $w^*$ "
        "(W1): a network that was asked once at each depth prices all pairs of depths.",
        J, A**2 * mean(x_hat, x_hat)
            + 2 * A * ((1 - c) * mean(x_hat, at_t) - mean(x_hat, at_s))
            + (1 - c) ** 2 * mean(at_t, at_t) - 2 * (1 - c) * mean(at_t, at_s) + mean(at_s, at_s),
        uses=["W7.error", target, *(f"mean_{number}" for number in range(1, 7))])
