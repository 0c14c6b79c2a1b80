"""Exercises of notebook 03, From finite to infinite depth."""

from __future__ import annotations

from typing import Any

from .forms import POSITIVE, Choice, Exercise, Formula, Number, Program


def _schedule_rate_and_depths(generator: Any) -> tuple[Any, ...]:
    import torch

    bend, scale = torch.rand(2, generator=generator, dtype=torch.float64).tolist()

    def gamma(t: Any) -> Any:
        return -13.3 + 18.3 * (t + bend * t * (t - 1))

    def rate(at: Any) -> Any:
        return (1 + scale) * torch.sigmoid(-at)

    return gamma, rate, torch.rand(50, generator=generator, dtype=torch.float64)


def _mean_over_depths(gamma: Any, rate: Any, t: Any) -> Any:
    import torch

    at, slope = torch.func.jvp(gamma, (t,), (torch.ones_like(t),))[:2]
    return (slope * rate(at)).mean()


def _cosine_surplus_times_steps() -> float:
    import torch

    from ...schedule import CosineSchedule
    from ..worlds import Exact, PlusMinus

    steps = 10_000
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    snr = torch.exp(-CosineSchedule()(t).gamma)
    paid = 0.5 * float((snr[:-1] - snr[1:]) @ PlusMinus().mmse(snr[1:]))
    return steps * (paid - Exact(PlusMinus()).diffusion())


def _steps_for_a_hundredth() -> float:
    import torch

    from ..worlds import PlusMinus

    def bracket(steps: int) -> float:
        snr = torch.exp(-torch.linspace(-13.3, 5, steps + 1, dtype=torch.float64))
        return 0.5 * float((snr[:-1] - snr[1:]) @ PlusMinus().mmse(snr).diff())

    low, high = 1000, 2000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bracket(middle) < 0.01 else (middle, high)
    return high


EXERCISES = [
    Exercise(
        "03.1",
        "Ten steps, and now the *coin*. Predict from the pictures which of the three schedules has "
        "the smallest surplus and which the largest. Then compute the three numbers.",
        Choice(
            {
                "a": "smallest with straight, largest with cosine",
                "b": "smallest with slow start, largest with cosine",
                "c": "smallest with cosine, largest with slow start",
                "d": "smallest with cosine, largest with straight",
            }
        ),
        "c",
        "where on the gamma axis is the coin decided, and which schedule has its steps there?",
    ),
    Exercise(
        "03.2",
        "The data are $N(0, s_2)$, with the variance $s_2$, and the denoiser is exact. What is the "
        "diffusion loss at infinite depth, in nats per dimension? A formula in "
        "`s_2, gamma_0, gamma_1`.",
        Formula({"s_2": POSITIVE, "gamma_0": (-10.0, -1.0), "gamma_1": (0.0, 5.0)}),
        "log((1 + s_2*exp(-gamma_0))/(1 + s_2*exp(-gamma_1))) / 2",
        "find the mmse (precisions add: 1/s_2 from the data, the SNR from the observation), and "
        "integrate half of it over the SNR, from its value at t = 1 to that at t = 0",
    ),
    Exercise(
        "03.3",
        "Mend the program, so that it is right for every smooth schedule `gamma` and still calls "
        "`rate` once.",
        Program(
            "gamma (a function of t), rate (a function of gamma), t (n,)",
            "the estimate, one number",
            _schedule_rate_and_depths,
        ),
        _mean_over_depths,
        "L4 has a factor that says how fast gamma passes at t; PyTorch can differentiate",
    ),
    Exercise(
        "03.4",
        "With the cosine schedule from $-13.3$ to $5$ and the *coin*, the surplus of $T$ steps "
        "falls like $a/T$. Predict whether $a$ is larger or smaller than for the straight "
        "schedule, then find it to one per cent.",
        Number(tolerance=0.01),
        _cosine_surplus_times_steps,
        "look at T times the surplus for large T",
    ),
    Exercise(
        "03.5",
        "For the coin and the straight schedule, rectangles with the error at the noisy end lie "
        "above the limit and rectangles with the error at the other end below. From which $T$ on "
        "do the two sums differ by less than 0.01 nats? Write the program.",
        Number(tolerance=0, absolute=1),
        _steps_for_a_hundredth,
        "the two sums have the same widths, so one difference of errors serves for both",
    ),
]
