"""The cheapest grid of depths: what prices all pairs of depths, and the cheapest path.        W4"""

from itertools import combinations_with_replacement

from ._language import *
from .counterterm import tau
from .finer_ratios import J, N, tau_n
from .finer_ratios import x_n as x_hat

at_t, at_s = (IndexedBase(letter, real=True)[n] for letter in ("x_t", "x_s"))
SYMBOLS = {x_hat: r"\hat x", at_t: "x_t", at_s: "x_s"}
MEAN = {  # of the product of two: its name
    (one, other): name(rf"\langle {SYMBOLS[one]},{SYMBOLS[other]}\rangle", real=True)
    for one, other in combinations_with_replacement(SYMBOLS, 2)
}
V, P = Function("V", real=True), Function("P", real=True)
path, best = Function("n", integer=True), Function("b", integer=True)
cost, least = names(r"\text{a path}", r"\text{the path of the minima}")


@row("The cheapest grid of depths", "07",
    r"The error of a step from $t$ down to $s$ needs six means of products at the two depths (G5, "
    r"W7). With the price $P(i,j)$ of a step between two nodes of a fine grid (a large one forbids "
    r"it), any $V(0,j)$ and $V(k,j)=\min_i(V(k-1,i)+P(i,j))$ over all nodes, no path $n$ costs "
    "less than $V(T,n(T))-V(0,n(0))$, and the path $b$ of the minima costs that.",
    forms="edge no_cheaper attained")
def W4(D: Row) -> None:
    for number, (one, other) in enumerate(MEAN, start=1):
        D.define(f"mean_{number}", "With the mean of a product of two things that are known at one "
            "depth each,", MEAN[one, other], Sum(one * other, (n, 1, N)) / N)
    D.step("edge", "write out the square of W7, which says what a step costs at $w=1$ or at $w^*$ "
        "(W1): a network that was asked once at each depth prices all pairs of depths.",
        J, A**2 * MEAN[x_hat, x_hat]
            + 2 * A * ((1 - c) * MEAN[x_hat, at_t] - MEAN[x_hat, at_s])
            + (1 - c) ** 2 * MEAN[at_t, at_t] - 2 * (1 - c) * MEAN[at_t, at_s] + MEAN[at_s, at_s],
        uses=["W7.error", use("G5.tau", {tau: tau_n, x_t: at_t, x_s: at_s}),
            *(f"mean_{number}" for number in range(1, 7))])
    # the cheapest path
    D.define("cost", "A path costs", cost, Sum(P(path(i - 1), path(i)), (i, 1, T)))
    D.given("edges", "a minimum", "The minimum is no more than what any last edge gives:",
        V(k - 1, i) + P(i, j) - V(k, j))
    D.at_least("no_cheaper", "add this up along the path. The $V$ telescope, and no path is "
        "cheaper.", cost - (V(T, path(T)) - V(0, path(0))),
        uses=["cost", use("edges", {i: path(i - 1), j: path(i), k: i})],
        witness=Sum(V(i - 1, path(i - 1)) + P(path(i - 1), path(i)) - V(i, path(i)), (i, 1, T)))
    D.define("least", "The path of the minima costs", least,
        Sum(P(best(i - 1), best(i)), (i, 1, T)))
    D.given("best_edges", "a minimum", "and at each of its edges the minimum is attained:",
        P(best(i - 1), best(i)), V(i, best(i)) - V(i - 1, best(i - 1)))
    D.step("attained", "the same sum is an equation.", least, V(T, best(T)) - V(0, best(0)),
        uses="least best_edges")
