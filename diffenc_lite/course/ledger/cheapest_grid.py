"""The cheapest grid of depths: dynamic programming.                                           W4"""

from itertools import combinations, pairwise

from ._language import *
from .finer_ratios import A, N, n

x_hat, at_t, at_s = (IndexedBase(letter, real=True)[n] for letter in ("xhat", "x_t", "x_s"))
J_st = name(r"\mathbb E[(A\hat x-\tau)^2]")


def mean(first: Expr, second: Expr) -> Symbol:
    """A name for the mean of a product"""
    letters = {x_hat: r"\hat x", at_t: "x_t", at_s: "x_s"}
    return name(rf"\langle {letters[first]},{letters[second]}\rangle")


V = {k: name(f"V_{k}(4)") for k in (2, 3)}
PAIRS = [(x_hat, x_hat), (x_hat, at_t), (x_hat, at_s), (at_t, at_t), (at_t, at_s), (at_s, at_s)]


def cheapest(cost: Callable[[int, int], Expr], last: int, edges: int) -> Expr:
    """The least cost of a path from node 0 to node `last` with so many edges: the algorithm W4"""
    best = {j: cost(0, j) for j in range(1, last + 1)}
    for k in range(2, edges + 1):
        costs = {j: [best[i] + cost(i, j) for i in range(k - 1, j)] for j in range(k, last + 1)}
        best = {j: Min(*of_j) for j, of_j in costs.items()}
    return best[last]


def of_all_paths(cost: Callable[[int, int], Expr], last: int, edges: int) -> Expr:
    """The same by brute force: every path is looked at"""
    paths = ((0, *inner, last) for inner in combinations(range(1, last), edges - 1))
    return Min(*(sum(cost(i, j) for i, j in pairwise(path)) for path in paths))


def any_cost(i: int, j: int) -> Symbol:
    """Some number for the edge between the nodes i and j"""
    return Symbol(f"k_{i}{j}", real=True)


@row("The cheapest grid of depths", "07",
    r"The error of a step from $t$ down to $s$ needs six means of products at the two "
    r"depths (G5, W7); with the price $k_{ij}$ of a step between the nodes $i<j$ of a fine grid, "
    r"the best path with $k$ edges is found from the best paths with $k-1$:",
    claim={
        "edge": equation(J_st, A**2 * mean(x_hat, x_hat)
            + 2 * A * ((1 - c) * mean(x_hat, at_t) - mean(x_hat, at_s))
            + (1 - c) ** 2 * mean(at_t, at_t) - 2 * (1 - c) * mean(at_t, at_s) + mean(at_s, at_s)),
        "two": equation(V[2], of_all_paths(any_cost, 4, 2)),
        "three": equation(V[3], of_all_paths(any_cost, 4, 3)),
    })
def W4(F3, G5) -> Steps:
    error = expand((G5.mean - F3.mean) / alpha_s)
    error = error.subs({xhat: x_hat, x_t: at_t, x_s: at_s})
    yield Define({J_st: Sum(error**2, (n, 1, N)) / N})
    yield Define({mean(*pair): Sum(pair[0] * pair[1], (n, 1, N)) / N for pair in PAIRS})
    square = expand(error**2)
    tabulated = sum(square.coeff(first * second) * mean(first, second) for first, second in PAIRS)
    yield Line("edge", "What a step costs at $w=1$ or at $w^*$ (W1) depends on the mean of "
        r"$(A\hat x-\tau)^2$ with $\tau=cx_t+(x_s-x_t)$ (G5). Write out the square: six means, "
        "each of two things known at one depth. So a network that was asked once at each depth "
        "prices all pairs of depths.", equation(J_st, tabulated))
    yield Line("two", "Dynamic programming: with $V_k(j)$ for the least price of a path with $k$ "
        "edges from node 0 to node $j$, $V_1(j)=k_{0j}$ and "
        r"$V_k(j)=\min_{i<j}(V_{k-1}(i)+k_{ij})$. Take nodes 0 to 4, any prices, and two edges,",
        means=cheapest(any_cost, 4, 2))
    yield Line("three", r"or three: the least of all paths, since $\min(a,b)+k=\min(a+k,b+k)$.",
        means=cheapest(any_cost, 4, 3))
    yield Words("invariant", "In general: the last edge of a path with $k$ edges to $j$ comes "
        "from some $i$, and what comes before it is a path with $k-1$ edges to $i$, which costs "
        "at least $V_{k-1}(i)$. So no path is cheaper than $V_k(j)$, and the one that is put "
        "together costs just that.")
