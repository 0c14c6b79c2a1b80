"""Answers of notebook 06, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2, sigma2, step_cost

RIGHT = {
    "06.1": lambda s2, g_s, g_t: (
        # sigma_Q^2 over the variance of z_s given z_t, from the joint normal of the two
        (sigma2(g_s) * -math.expm1(g_s - g_t))
        / (
            (v_s := s2 * alpha2(g_s) + sigma2(g_s))
            - alpha2(g_t) / alpha2(g_s) * v_s**2 / (s2 * alpha2(g_t) + sigma2(g_t))
        )
    ),
    "06.2": lambda m: step_cost(1, m, 1) - step_cost(1 / (1 + m), m, 1),
    "06.3": 1.064586,  # 1 + x + x^2 / 3 + x^3 / 36 with x = sqrt(4 / 1000)
    "06.4": lambda m, n: (
        step_cost(2 / (2 + m + n), (m + n) / 2, 2)
        - step_cost(1 / (1 + m), m, 1)
        - step_cost(1 / (1 + n), n, 1)
    ),
}
