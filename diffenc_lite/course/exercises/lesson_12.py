"""Exercises of notebook 12, The ratio on MNIST."""

from __future__ import annotations

import math

from .forms import POSITIVE, Exercise, Formula, Number

EXERCISES = [
    Exercise(
        "12.1",
        "With $w=1$ and $T$ steps a model's diffusion loss is $D$ **bits** per dimension. What is "
        "it with one constant $w$ at all steps, the network and the steps being the same? A "
        "formula in `w, T, D`.",
        Formula({"w": (0.2, 4.0), "T": (1.0, 1000.0), "D": POSITIVE}),
        "w*D + T*(w - 1 - log(w))/(2*log(2))",
        "by L2 one part of a step's cost is proportional to w, and the other knows nothing of the "
        "data; mind the unit of that other part",
    ),
    Exercise(
        "12.2",
        "A chain of $T$ steps costs $L$ nats per dimension with $w=1$, and all its steps cost the "
        "same. What does it cost with $w^*$? A formula in `T, L`.",
        Formula({"T": (1.0, 1000.0), "L": POSITIVE}),
        "T*log(1 + 2*L/T)/2",
        "find m of one step from its share of L, then W1",
    ),
    Exercise(
        "12.3",
        "In one step half of the pixels have $m_j=0$ (the black border, say) and the other half "
        "$m_j=2$. How many **bits** per dimension does a ratio for each pixel save against the "
        "best shared one (W5)?",
        Number(),
        lambda: (math.log(2) - math.log(3) / 2) / (2 * math.log(2)),
        "the shared ratio sees m = 1; 06.4 is the case of two pixels, in nats and for both",
    ),
    Exercise(
        "12.4",
        "A sampler takes the step with $w^*$ instead of $w=1$. By which factor does the standard "
        "deviation of the noise that it adds grow? A formula in `m`, the step's mean squared gap.",
        Formula({"m": (1e-2, 1e3)}),
        "sqrt(1 + m)",
        "the variance is sigma_Q^2 / w, and W1 has w*",
    ),
]
