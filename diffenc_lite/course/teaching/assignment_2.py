"""A sample solution of assignment 2 (d): the gap of T steps for data N(0, v), to order 1/T^2.

Claim.  Steps equal in gamma, w = 1, an exact denoiser, h = (gamma_1 - gamma_0)/T. Then

    L_T - L_infinity = h (A - D)/4 + h^2 (2 A - 3 D + E)/24 + O(h^3)

with y = v SNR/(1 + v SNR), A the integral of y over gamma, D = y_0 - y_1 and E = y'_1 - y'_0, where
0 is the end near the data, and y' = -y (1 - y).

Derivation.  (1) A step costs (SNR_s - SNR_t)/2 mmse(SNR_t) (L3), and mmse = v/(1 + v SNR). Since
SNR_s = e^h SNR_t, that is (e^h - 1) y_t/2. (2) The sum of h y over the right ends of the steps is,
by Euler and Maclaurin, A - h D/2 + h^2 E/12 + O(h^4): this needs a y with four bounded derivatives,
which a quotient of exponentials is. (3) (e^h - 1)/h = 1 + h/2 + h^2/6 + O(h^3). (4) The product,
less its limit A/2.

Assumed: the data are normal, steps equal in gamma (another grid has another (2)), an exact
denoiser. Dropped: for a coin in place of the normal number, y has no such form, and the last lines
show that the claim is then wrong.
"""

import math

import sympy as sp
import torch

from diffenc_lite.course.worlds import Gaussian, PlusMinus


def by_machine():
    """Steps (3) and (4), both sides of each equation; and a wrong sign, which must be found."""
    h, A, D, E = sp.symbols("h A D E", positive=True)
    total = sp.series(sp.exp(h) - 1, h, 0, 5).removeO() / h
    loss = total / 2 * (A - h * D / 2 + h**2 * E / 12)
    gap = sp.series(sp.expand(loss), h, 0, 3).removeO() - A / 2
    claim = h * (A - D) / 4 + h**2 * (2 * A - 3 * D + E) / 24
    assert sp.expand(gap - claim) == 0
    wrong = h * (A + D) / 4 + h**2 * (2 * A - 3 * D + E) / 24
    assert sp.expand(gap - wrong) != 0
    g, v = sp.symbols("gamma v", positive=True)
    y = v * sp.exp(-g) / (1 + v * sp.exp(-g))
    assert sp.simplify(y.diff(g) + y * (1 - y)) == 0
    print("machine: the product is right, the wrong sign is found, y' = -y (1 - y)")


def claimed(v, gamma_0, gamma_1, T):
    h = (gamma_1 - gamma_0) / T
    y_0, y_1 = (v * math.exp(-g) / (1 + v * math.exp(-g)) for g in (gamma_0, gamma_1))
    A = math.log((1 + v * math.exp(-gamma_0)) / (1 + v * math.exp(-gamma_1)))
    D, E = y_0 - y_1, y_0 * (1 - y_0) - y_1 * (1 - y_1)
    return h * (A - D) / 4, h**2 * (2 * A - 3 * D + E) / 24


def summed(world, gamma_0, gamma_1, T):
    """L_T by the world's own mmse, which is a quadrature: no line of the derivation is used"""
    snr = torch.exp(-torch.linspace(gamma_0, gamma_1, T + 1, dtype=torch.float64))
    return 0.5 * ((snr[:-1] - snr[1:]) * world.mmse(snr[1:])).sum().item()


def by_numbers(world, v, limit, gamma_0=-6.0, gamma_1=3.0):
    """How the remainder falls from T to 2 T: by 8 if the claim holds"""
    left = []
    for T in (50, 100, 200):
        first, second = claimed(v, gamma_0, gamma_1, T)
        gap = summed(world, gamma_0, gamma_1, T) - limit
        left.append(gap - first - second)
        print(f"  T = {T}: gap {gap:.7f}, claimed {first + second:.7f}, left {left[-1]:.1e}")
    return left[0] / left[1], left[1] / left[2]


def main():
    by_machine()
    v, gamma_0, gamma_1 = 0.7, -6.0, 3.0
    area = math.log((1 + v * math.exp(-gamma_0)) / (1 + v * math.exp(-gamma_1)))
    print(f"data N(0, {v}):")
    ratios = by_numbers(Gaussian(v), v, area / 2)
    print(f"  what is left falls by {ratios[0]:.2f} and {ratios[1]:.2f}")
    assert all(7.5 < ratio < 8.5 for ratio in ratios)
    # Limits: for small v the costs of the steps telescope, so the gap must vanish beside the loss.
    for v in (1e-2, 1e-3, 1e-4):
        area = math.log((1 + v * math.exp(-gamma_0)) / (1 + v * math.exp(-gamma_1)))
        share = 2 * sum(claimed(v, gamma_0, gamma_1, 200)) / area
        print(f"v = {v:g}: the gap is {share:.1e} of the loss")
    # Dropped: the data are a coin with the variance 1.
    coin = PlusMinus()
    fine = summed(coin, gamma_0, gamma_1, 200_000)
    print("a coin, to which the claim of N(0, 1) is applied:")
    ratios = by_numbers(coin, 1.0, fine)
    print(f"  what is left falls by {ratios[0]:.2f} and {ratios[1]:.2f}: the claim fails")
    assert not any(7.5 < ratio < 8.5 for ratio in ratios)


if __name__ == "__main__":
    main()
