"""The symbols of the ledger, what the abbreviations among them stand for, and the normal form that
decides whether two formulas are the same.

Names are chosen so that SymPy prints them as the notation table has them (`xhat_t` with a hat,
`ydot` with a dot) and so that they can be the keyword arguments of a lambdified form.
"""

from sympy import Eq, Expr, Sum, Symbol, exp, expand, expand_log, fraction, sqrt, symbols, together

# --- noise: positive, at the depths s < t, at the ends 0 and 1 -----------------------------------
alpha_s, alpha_t, alpha_0, alpha_1 = symbols("alpha_s alpha_t alpha_0 alpha_1", positive=True)
sigma_s, sigma_t, sigma_0, sigma_1 = symbols("sigma_s sigma_t sigma_0 sigma_1", positive=True)
gamma_s, gamma_t, gamma_0, gamma_1 = symbols("gamma_s gamma_t gamma_0 gamma_1", real=True)
lambda_s, lambda_t = symbols("lambda_s lambda_t", real=True)
DEPTHS = (
    (alpha_s, sigma_s, gamma_s),
    (alpha_t, sigma_t, gamma_t),
    (alpha_0, sigma_0, gamma_0),
    (alpha_1, sigma_1, gamma_1),
)

# --- abbreviations: expanded before anything is compared or computed ------------------------------
c = Symbol("c", positive=True)
alpha_ts = Symbol(r"\alpha_{t|s}", positive=True)
sigma_Q = Symbol("sigma_Q", positive=True)
ABBREVIATIONS = {
    alpha_ts: alpha_t / alpha_s,
    c: 1 - (alpha_t / sigma_t) ** 2 / (alpha_s / sigma_s) ** 2,
    lambda_s: -gamma_s,
    lambda_t: -gamma_t,
}

# --- data, predictions, and the rest -------------------------------------------------------------
x, x_s, x_t, x_0, x_1, u = symbols("x x_s x_t x_0 x_1 u", real=True)
y, y_s, y_t, ydot = symbols("y y_s y_t ydot", real=True)
z_s, z_t, z_0, z_1, epsilon, v = symbols("z_s z_t z_0 z_1 epsilon v", real=True)
xhat, uhat, vhat, epsilonhat, r, xddot_t = symbols("xhat uhat vhat epsilonhat r xddot_t", real=True)
w, Delta = symbols("w Delta", positive=True)
gammaprime_t = Symbol("gammaprime_t", positive=True)  # d gamma / dt
d, T = symbols("d T", positive=True, integer=True)
j, k = symbols("j k", integer=True)


def name(latex: str) -> Symbol:
    """Something that is only shown, such as the left side of an equation."""
    return Symbol(f"{{{latex}}}")  # braces tell SymPy to print it as it stands


def equation(left: Expr, right: Expr) -> Eq:
    """left = right, as a thing to look at: SymPy is not to decide on the spot whether it holds."""
    return Eq(left, right, evaluate=False)


def in_gamma(expression: Expr) -> Expr:
    """Everything through gamma: alpha^2 = sigmoid(-gamma), sigma^2 = sigmoid(gamma)."""
    expression = expression.subs(Delta, gamma_t - gamma_s)
    expression = expression.subs(sigma_Q, sigma_s * sqrt(c)).subs(c, 1 - exp(gamma_s - gamma_t))
    expression = expression.subs(ABBREVIATIONS)
    for alpha, sigma, gamma in DEPTHS:
        expression = expression.subs(
            {alpha: 1 / sqrt(1 + exp(gamma)), sigma: 1 / sqrt(1 + exp(-gamma))}
        )
    return expression


def reduced(expression: Expr) -> Expr:
    """A normal form over one denominator: the result is 0 exactly if the expression vanishes
    identically, as a rational function of the symbols, their logarithms and their sums.

    Abbreviations are expanded, sums are taken apart, and two facts about the noise are used until
    they can be used no more: exp(gamma) = sigma^2 / alpha^2 and alpha^2 + sigma^2 = 1.
    """
    expression = expand_log(_powers(expression, sigma_Q, sigma_s**2 * c).subs(ABBREVIATIONS))
    expression = expand(expression).replace(Sum, lambda *sum_: sum_apart(Sum(*sum_)))
    for alpha, sigma, gamma in DEPTHS:
        expression = expression.subs(exp(gamma), (sigma / alpha) ** 2)
    numerator, denominator = fraction(together(expression))
    numerator = expand(numerator)
    for alpha, sigma, _ in DEPTHS:
        numerator = expand(_powers(numerator, alpha, 1 - sigma**2))
    return numerator / denominator


def _powers(expression: Expr, root: Symbol, square: Expr) -> Expr:
    """Use root^2 = square, so that the root is left with the powers 0 and 1 only."""
    return expression.replace(
        lambda e: e.is_Pow and e.base == root and e.exp.is_Integer,
        lambda e: square ** (e.exp // 2) * root ** (e.exp % 2),
    )


def sum_apart(whole: Sum) -> Expr:
    """A sum is linear: one sum for each term, with what is constant in front."""
    index, low, high = whole.limits[0]
    parts = 0
    for term in expand(whole.function).as_ordered_terms():
        constant, rest = term.as_independent(index, as_Add=False)
        parts += constant * (high - low + 1 if rest == 1 else Sum(rest, (index, low, high)))
    return parts
