"""The symbols of the ledger, and what the abbreviations among them stand for.

Names are chosen so that SymPy prints them as the notation table has them (`xhat_t` with a hat,
`ydot` with a dot) and so that they can be the keyword arguments of a lambdified form.
"""

from typing import Any

from sympy import Basic, Eq, Expr, Float, Function, Rational, Symbol, exp, sqrt, symbols
from sympy.printing.latex import LatexPrinter

# --- noise: positive, at the depths s < t, at the ends 0 and 1 -----------------------------------
alpha_s, alpha_t, alpha_0, alpha_1 = symbols("alpha_s alpha_t alpha_0 alpha_1", positive=True)
sigma_s, sigma_t, sigma_0, sigma_1 = symbols("sigma_s sigma_t sigma_0 sigma_1", positive=True)
gamma_s, gamma_t, gamma_0, gamma_1 = symbols("gamma_s gamma_t gamma_0 gamma_1", real=True)
lambda_s, lambda_t = symbols("lambda_s lambda_t", real=True)
DEPTHS = (
    (alpha_s, sigma_s, gamma_s), (alpha_t, sigma_t, gamma_t),
    (alpha_0, sigma_0, gamma_0), (alpha_1, sigma_1, gamma_1),
)

# --- abbreviations: expanded before anything is compared or computed ------------------------------
c = Symbol("c", positive=True)
alpha_ts = Symbol(r"\alpha_{t|s}", positive=True)
sigma_Q, Delta = symbols("sigma_Q Delta", positive=True)  # what sigma_Q is, F3 has to say
ABBREVIATIONS = {  # in the order in which they are expanded
    Delta: gamma_t - gamma_s,
    c: 1 - (alpha_t / sigma_t) ** 2 / (alpha_s / sigma_s) ** 2,
    alpha_ts: alpha_t / alpha_s,
    lambda_s: -gamma_s,
    lambda_t: -gamma_t,
}
NOISE = {*ABBREVIATIONS, *(symbol for depth in DEPTHS for symbol in depth)}

# --- data, predictions, and the rest -------------------------------------------------------------
x, x_s, x_t, x_0, x_1, u = symbols("x x_s x_t x_0 x_1 u", real=True)
y, y_s, y_t, ydot = symbols("y y_s y_t ydot", real=True)
z_s, z_t, z_0, z_1, epsilon, v = symbols("z_s z_t z_0 z_1 epsilon v", real=True)
xhat, uhat, vhat, epsilonhat, r, xddot_t = symbols("xhat uhat vhat epsilonhat r xddot_t", real=True)
w = Symbol("w", positive=True)
gammaprime_t = Symbol("gammaprime_t", real=True)  # d gamma / dt
d, T = symbols("d T", positive=True, integer=True)
i, j, k, n = symbols("i j k n", integer=True)
K = Symbol("K", positive=True, integer=True)  # levels
A = Symbol("A", real=True)  # what stands before a prediction
s2, eta = symbols("s_2 eta", positive=True)  # the variance of data, a signal-to-noise ratio
E = Function("E", real=True)  # an average; only these are numbers to it:
CONSTANTS = frozenset({*NOISE, w, d, T, K, gammaprime_t, A, s2, eta})
DEPTH_MAPS: dict[str, dict[Basic, Basic]] = {  # what stands for t, at another depth
    "s": dict(zip((*DEPTHS[1], x_t, z_t), (*DEPTHS[0], x_s, z_s), strict=True)),
    "0": dict(zip((*DEPTHS[1], x_t, z_t), (*DEPTHS[2], x_0, z_0), strict=True)),
    "1": dict(zip((*DEPTHS[1], x_t, z_t), (*DEPTHS[3], x_1, z_1), strict=True)),
}


def name(latex: str, **assumed: bool) -> Symbol:
    """Something with a name of its own, such as the left side of an equation."""
    return Symbol(f"{{{latex}}}", **assumed)  # braces tell SymPy to print it as it stands


def names(*latex: str, **assumed: bool) -> list[Symbol]:
    """Several of them, real unless something else is assumed"""
    return [name(each, **assumed or {"real": True}) for each in latex]


def equation(left: Expr, right: Expr) -> Eq:
    """left = right, as a thing to look at: SymPy is not to decide on the spot whether it holds."""
    return Eq(left, right, evaluate=False)


def in_gamma(expression: Expr) -> Expr:
    """Everything through gamma: alpha^2 = sigmoid(-gamma), sigma^2 = sigmoid(gamma)."""
    shorter = {sigma_Q: sigma_s * sqrt(c)} | ABBREVIATIONS | {c: 1 - exp(gamma_s - gamma_t)}
    for short, long in shorter.items():
        expression = expression.subs(short, long)
    for alpha, sigma, gamma in DEPTHS:
        noise = {alpha: 1 / sqrt(1 + exp(gamma)), sigma: 1 / sqrt(1 + exp(-gamma))}
        expression = expression.subs(noise)
    return expression


def without_floats(expression: Expr) -> Expr:
    """Each float as the simple fraction that rounding made it of, as 4/3; else as what it is"""
    return expression.xreplace({number: _meant(number) for number in expression.atoms(Float)})


def _meant(number: Float) -> Rational:
    exact = Rational(number)
    simple = exact.limit_denominator(10**6)
    rounding = abs(exact) * Rational(2, 2**number._prec)
    return simple if abs(simple - exact) <= rounding else exact


class _Printer(LatexPrinter):
    """LaTeX as one would write it by hand: x_t - x_s rather than -x_s + x_t. With the order "none"
    it is as it was typed, where SymPy has left it so: a + b + c is (a + b) + c."""

    def _as_ordered_terms(self, expr: Expr, order: str | None = None) -> list[Expr]:
        if self._settings["order"] == "none":
            first, *rest = expr.args
            return [*(self._as_ordered_terms(first) if first.is_Add else [first]), *rest]
        terms = super()._as_ordered_terms(expr, order)
        return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))

    def _print_Function(self, expr: Expr, exp: Any = None) -> str:
        if expr.func == E:
            return rf"\mathbb E\left[{self._print(expr.args[0])}\right]"
        return str(super()._print_Function(expr, exp))


NAMES = {epsilon: r"\varepsilon", epsilonhat: r"\hat{\varepsilon}"}  # as in the prose


def latex(expression: Basic, **settings: Any) -> str:
    return _Printer({"ln_notation": True, "symbol_names": NAMES} | settings).doprint(expression)
