"""The answers of the proof levels, derived a second time.

A function here is called as its level, F3_2 for F3.2. It gets the answers of the levels that this
one says it uses, as arguments of their names; so a level that leans on more can't be derived.
"""

import inspect
import itertools

import sympy as sp
from sympy import diff, exp, expand, log, oo, pi, series, solve, sqrt

from diffenc_lite.course.exercises import writing
from diffenc_lite.course.exercises.levels import LEVELS
from diffenc_lite.course.ledger.notation import *

z, a, b, mu_q, mu_p, delta, kappa, xtilde = sp.symbols("z a b mu_q mu_p delta kappa xtilde")
sigma_q, sigma_p, tau, h, gap2, m = sp.symbols("sigma_q sigma_p tau h gap2 m", positive=True)
snr_s, snr_t, I_1, K_1, M = sp.symbols("snr_s snr_t I_1 K_1 M", positive=True)
H, H_0, I_0 = sp.symbols("H H_0 I_0")
KEPT = sqrt(1 - c) * sigma_t / sigma_s  # alpha_ts, by the definition of c


def average(f):
    """Over epsilon ~ N(0, 1), whose powers 0, 1, 2 have the means 1, 0, 1"""
    return expand(f).coeff(epsilon, 0) + expand(f).coeff(epsilon, 2)


def solved(equation, unknown):
    (solution,) = solve(equation, unknown)
    return solution


def log_density(mu, sigma):
    return -((z - mu) ** 2) / (2 * sigma**2) - log(2 * pi) / 2 - log(sigma)


def turned(unknown):
    given = (z_t - alpha_t * x_t - sigma_t * epsilon, v - alpha_t * epsilon + sigma_t * x_t)
    return solve(given, (x_t, epsilon))[unknown].subs(alpha_t**2 + sigma_t**2, 1)


# fmt: off
def KL_1(): return log_density(mu_q, sigma_q) - log_density(mu_p, sigma_p)
def KL_2(KL_1): return KL_1.subs(z, mu_q + sigma_q * epsilon)
def KL_3(): return average((a + b * epsilon) ** 2)
def KL_4(KL_2, KL_3):
    return sum(expand(KL_2).coeff(epsilon, 2 * i) * KL_3.coeff((a, b)[i], 2) for i in (0, 1))

def F1_1(): return average(alpha_t * x_t + sigma_t * epsilon)
def F1_2(): return average((alpha_t * x_t + sigma_t * epsilon - alpha_t * x_t) ** 2)
def F1_3(): return solved(alpha_t * x_t + sigma_t * epsilon - z_t, epsilon)
def F1_4(F1_3): return -F1_3**2 / 2 - log(2 * pi) / 2 + log(diff(F1_3, z_t))

def F2_1(): return (alpha_ts * alpha_s * x_s + b).subs(alpha_ts, alpha_t / alpha_s)
def F2_2(F1_1, F2_1): return solved(F2_1 - F1_1, b)
def F2_3(): return average((alpha_ts * sigma_s * epsilon) ** 2) + average((tau * epsilon) ** 2)
def F2_4(F1_2, F2_3): return solved((F2_3 - F1_2).subs(tau, sqrt(h)), h)
def F2_5(F2_4): return expand(F2_4.subs(alpha_ts, KEPT))
def F2_6(): return 1 - exp(-gamma_t) / exp(-gamma_s)

def F3_1(F2_5):
    step = -(z_t - alpha_ts * z_s - b) ** 2 / F2_5
    return (step - (z_s - alpha_s * x_s) ** 2 / sigma_s**2) / 2
def F3_2(F3_1): return -diff(F3_1, z_s, 2)
def F3_3(F3_2): return 1 / sp.simplify(F3_2.subs(alpha_ts, KEPT))
def F3_4(F3_1): return diff(F3_1, z_s).subs(z_s, 0)
def F3_5(F3_3, F3_4): return F3_3 * F3_4
def F3_6(F2_2, F3_5): return F3_5.subs(b, F2_2).subs(alpha_t, alpha_ts * alpha_s)

def L2_1(KL_4):
    return KL_4.subs({sigma_p: sigma_Q / sqrt(w), mu_p: mu_q + delta, sigma_q: sigma_Q})
def L2_2(L2_1): return d * L2_1.subs(delta, sqrt(gap2 / d))
def L2_3(F3_6):
    still = F3_6.subs({x_s: x, x_t: x})
    return expand(still.subs(x, xhat) - still)
def L2_4(L2_1, L2_3, F3_3): return L2_1.subs({w: 1, delta: L2_3, sigma_Q: sqrt(F3_3)})
def L2_5(L2_4): return L2_4.subs({alpha_s: sqrt(snr_s) * sigma_s, c: 1 - snr_t / snr_s})

def L3_1(): return solved(sigma_t * (epsilon - epsilonhat) - alpha_t * a, a)
def L3_2(L2_5, L3_1):
    ratio = {alpha_t: sqrt(snr_t) * sigma_t}
    return expand(L2_5.subs(xhat, x + L3_1).subs(ratio)).subs(snr_s, snr_t * exp(gamma_t - gamma_s))
def L3_3(L3_2): return series(L3_2.subs(gamma_t, gamma_s + Delta), Delta, 0, 2).removeO()
def L3_4(L3_3): return T * L3_3.subs(Delta, gammaprime_t / T)
def L3_5(L3_4): return L3_4.subs(epsilon, epsilonhat + alpha_t * (v - vhat))

def G3_1(F3_6): return F3_6.subs(x_s, x_t).subs(x_t, xhat)
def G3_2(): return sp.integrate(sigma_t**2 * u, (a, 0, Delta))
def G3_3(F3_6, G3_2): return F3_6.subs(x_s, x_t + G3_2)
def G3_4(G3_3): return G3_3.subs({x_t: xhat, u: uhat})
def G3_5(): return solved(w - sigma_Q**2 / a, a)

def G4_1(): return turned(x_t)
def G4_2(): return turned(epsilon)
def G4_3(G4_1): return solved(G4_1 - x_t, v)
def G4_4(G4_1): return expand(G4_1.subs(v, vhat) - G4_1)
def G4_5(G4_2): return expand(G4_2 - G4_2.subs(v, vhat))

def L4_1(F3_6, G3_4): return expand(G3_4 - F3_6)
def L4_2(L4_1, G4_4): return expand(L4_1.subs(xhat, x_t + G4_4))
def L4_3(F2_6): return series(F2_6.subs(gamma_t, gamma_s + Delta), Delta, 0, 2).removeO()
def L4_4(L4_2, L4_3, G3_2): return expand(L4_2.subs({c: L4_3, x_s: x_t + G3_2}) / alpha_s)
def L4_5(L4_4): return expand(L4_4 / (Delta * sigma_t))
def L4_6(F3_3, L4_3): return (alpha_s**2 / F3_3).subs({c: L4_3, alpha_s: alpha_t, sigma_s: sigma_t})
def L4_7(L4_6): return L4_6 / 2 * (Delta * sigma_t * r) ** 2
def L4_8(L4_7): return T * L4_7.subs(Delta, gammaprime_t / T)

def E2_1():
    slope = diff(1 / (1 + exp(-a)), a)
    return slope.subs(exp(-a), sigma_t**2 / alpha_t**2)
def E2_2(E2_1): return E2_1 * x
def E2_3(E2_2): return E2_2 / sigma_t**2
def E2_4(F1_1): return F1_1.subs(x_t, alpha_t**2 * x)
def E2_5(L4_5, G4_4): return expand(L4_5.subs({u: x_t, uhat: x_t + G4_4}))

def E3_1(E2_1): return -E2_1
def E3_2(E2_1, E3_1): return E2_1 * x + E3_1 * y + sigma_t**2 * ydot
def E3_3(E3_2): return expand(E3_2 / sigma_t**2)
def E3_4(E3_3):
    in_x_t = E3_3.subs(x, (x_t - sigma_t**2 * y) / alpha_t**2)
    return expand(expand(in_x_t).subs(sigma_t, sqrt(1 - alpha_t**2)))
def E3_5(L4_5, G4_4, E3_4): return expand(L4_5.subs({u: E3_4, uhat: x_t + G4_4}))

def W1_1(L2_2): return L2_2.subs(gap2, m * d * sigma_Q**2)
def W1_2(W1_1): return diff(W1_1, w)
def W1_3(W1_2): return solved(W1_2, w)
def W1_4(W1_2): return diff(W1_2, w)
def W1_5(W1_1, W1_3): return W1_1.subs(w, W1_3)
def W1_6(G3_5, W1_3): return G3_5.subs(w, W1_3)

def W2_1(L2_2): return T * L2_2.subs(gap2, 0)
def W2_2(W2_1): return diff(W2_1, w)
def W2_3(): return series(kappa * h - log(1 + kappa * h), h, 0, 3).removeO()
def W2_4(W2_1, W2_3):
    return sp.simplify(W2_1 / (w - 1 - log(w))) * W2_3.subs(h, 1 / sqrt(T))
def W2_5(W1_1, L4_8): return solved(T * W1_1.subs(w, 1) - L4_8, m)
def W2_6(W1_3, W2_5): return sp.limit(T * (W1_3.subs(m, W2_5) - 1), T, oo)

def X4_1(E2_4): return (E2_4 / x) ** 2 / sigma_t**2
def X4_2(X4_1, E2_1, E3_1):
    slopes = {alpha_t: E2_1 / (2 * alpha_t), sigma_t: E3_1 / (2 * sigma_t)}
    return sum(diff(X4_1, noise) * slope for noise, slope in slopes.items())
def X4_3(L2_5, X4_2): return L2_5.subs({snr_s: snr_t + gammaprime_t * X4_2, xhat: xtilde})
def X4_4(G4_4): return expand(solved(G4_4 - alpha_t**2 * (xtilde - x), v) - vhat)
def X4_5(L4_8, E2_5, X4_4): return L4_8.subs(r, E2_5).subs(v, vhat + X4_4)
def X4_6(X4_3, X4_5): return sp.simplify(X4_5 / X4_3)
def X4_7(X4_6): return X4_6 - 1

def X5_1(): return I_1 + K_1
def X5_2(): return H_0 + M
def X5_3(L2_5):
    slope = (I_0 - I_1) / (snr_s - snr_t)  # half the mmse, in one long step
    return L2_5.subs({x: 1, xhat: 0}) * 2 * slope
def X5_4(): return H - H_0
def X5_5(X5_1, X5_2, X5_3, X5_4): return (X5_1 + X5_2 + X5_3).subs(I_0, X5_4)
def X5_6(X5_5): return X5_5 - (H + M)
# fmt: on


SYMBOLS = {s.name: s for s in list(globals().values()) if isinstance(s, sp.Symbol)}
SYMBOLS |= {"alpha_ts": alpha_ts}  # whose name is written in LaTeX
DERIVATIONS = {f"{n[:2]}.{n[3:]}": f for n, f in list(globals().items()) if n[2:3] == "_"}


def as_expression(number):
    return writing.to_sympy(writing.read(LEVELS[number].answer), SYMBOLS)


def uses(number):
    return [name.replace("_", ".") for name in inspect.signature(DERIVATIONS[number]).parameters]


def near_misses(number):
    """Wrong by a sign, a factor 2, a power, or one symbol in the place of another."""
    right = as_expression(number)
    yield from (-right, 2 * right, right + 1)
    symbols = sorted(right.free_symbols, key=str)
    yield from (right.subs(symbol, symbol**2) for symbol in symbols)
    for pair in itertools.combinations(symbols, 2):
        swapped = right.subs(dict(zip(pair, pair[::-1], strict=True)), simultaneous=True)
        if expand(swapped - right) != 0:  # a squared difference does not mind
            yield swapped
