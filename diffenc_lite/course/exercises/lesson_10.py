"""Exercises of lesson 10, Does the encoder help?, and of its companions."""

import math
from typing import Any

import torch

from .forms import Choice, Exercise, Lesson, Number, Program

EXERCISES: Lesson = {}


def answer_10_1() -> float:
    """The mean is the width where 1 - alpha_1^2 = exp(-(1 + m) alpha_1^2): by repetition."""
    alpha2 = 1.0
    for _ in range(2000):
        alpha2 = 1 - math.exp(-(1 + 0.0336) * alpha2)
    return math.log(1 / alpha2 - 1)


EXERCISES["10.1"] = lambda: Exercise(
    question=r"""Let the noise of the photographs end earlier and earlier, from $\gamma_1=5$ down.
    Of the start, at first the mean costs more than the width. At which $\gamma_1$ do they cost the
    same? The 768 numbers of the mean image have the mean square $\|c\|^2/d=0.0336$.""",
    form=Number(),
    answer=answer_10_1,
    hints=["Set the mean and the width of the start equal; d cancels.",
           r"With $\sigma_1^2=1-\alpha_1^2$ one unknown is left. For small $\alpha_1^2$ the width "
           r"is nearly $\alpha_1^4/4$ for each dimension: that says where to look.",
           r"The rest is for a machine: a fine grid of $\gamma_1$, or bisection."],
)

EXERCISES["10.2"] = lambda: Exercise(
    question=r"""**Predict.** The noise of a VDM ends at $\gamma_1=2$, and all denoisers are
    perfect. For which of these data may a learned encoder lie more than 0.01 bits per dimension
    below the best encoder that adds one image for each depth?""",
    form=Choice({"a": "28 x 28 pixels, each -1 or 1 by a toss of its own",
                 "b": "28 x 28 pixels, all -1 or all 1 by one toss for the whole picture",
                 "c": "our photographs, with the mean image subtracted from all of them",
                 "d": "one and the same digit, again and again"}, many=True),
    answer="bc",
    hints=["X5's limit is the KL of q(z_1), all data together, and not the prior loss.",
           "The start is the prior loss less the information in $z_1$. How much can $z_1$ tell "
           "about 784 tosses, and about one?",
           "If $x_t$ is the same for all data, what can a network do that one image cannot?"],
)

EXERCISES["10.3"] = lambda: Exercise(
    question="""**Choose controls.** A learned encoder ends 0.002 bits per dimension below the VDM
    that was trained on. Which of these arms, *if it ended as low*, would show that the gain does
    not need an encoder that looks at the image, one whose $x_t-x$ depends on $x$? All that
    apply.""",
    form=Choice({"a": "a VDM with as many parameters as the VDM and the encoder together",
                 "b": "y = x + one image for each gamma, the same for all x",
                 "c": "y = (1 + a(gamma)) x, with a trained number a for each gamma",
                 "d": "the VDM that was trained on, with p(z_1) = N(m, S) of the mean and "
                      "covariance of z_1"}, many=True),
    answer="abd",
    hints=["For each arm ask: if x were another image, would x_t - x be another one?",
           "An arm without an encoder has $x_t=x$.",
           r"To multiply by $1+a$ is to add $a\,x$."],
)


def _differences(generator: Any) -> tuple[Any, ...]:
    """So many that some |z_k| lie between 1.96 and any other limit"""
    looks = 2 + int(torch.randint(7, (), generator=generator))
    return (torch.randn(2000, looks, generator=generator, dtype=torch.float64),)


EXERCISES["10.4"] = lambda: Exercise(
    question=r"""**Simulate peeking.** There is no effect: the differences are standard normal, and
    their standard deviation 1 is known. After each pair somebody computes
    $z_k=(d_1+\dots+d_k)/\sqrt k$, and stops with the news of an effect as soon as $|z_k|>1.96$.
    Write a function of their differences that says for each of many studies whether it announced an
    effect. Then draw `torch.randn(20_000, 5)`: how many of 20,000 such studies do?""",
    form=Program(
        "d (studies, looks)",
        "a tensor (studies,), 1.0 where some look found |z_k| > 1.96, else 0.0",
        _differences,
        tries=6),
    answer=lambda d: (
        d.cumsum(1).abs() > 1.96 * torch.arange(1, d.shape[1] + 1).sqrt()).any(1).double(),
    hints=[r"`cumsum` along the looks gives all sums $d_1+\dots+d_k$.",
           "Divide by the roots of 1, 2, ..., and ask of each row whether any entry is too "
           "large."],
)


def answer_10_5() -> float:
    """The correlation at which three pairs and three runs of each have intervals of one width.

    With 4 p (1 - p) = a there are closed forms of t* for 2 and for 4 degrees of freedom.
    """
    a = 4 * 0.975 * 0.025
    t_2 = 0.95 * math.sqrt(2 / a)
    t_4 = 2 * math.sqrt(math.cos(math.acos(math.sqrt(a)) / 3) / math.sqrt(a) - 1)
    return 1 - (t_4 / t_2) ** 2


EXERCISES["10.5"] = lambda: Exercise(
    question=r"""Two models, three runs of each. As three pairs, the interval of the difference has
    $t^*$ with 2 degrees of freedom and the standard error $s\sqrt{2(1-\rho)/3}$. Without pairs it
    has $t^*$ with 4, and $s\sqrt{2/3}$. From which correlation $\rho$ on is the paired interval the
    shorter one? ($t^*$ is `scipy.stats.t.ppf(0.975, df)`, or `statistics.t_quantile(0.975, df)` of
    `diffenc_lite.course.studies`.)""",
    form=Number(),
    answer=answer_10_5,
    hints=["Set the two half widths equal.",
           "s and the 3 cancel; only t* with 2, t* with 4 and the square root of 1 - rho are "
           "left.",
           r"Solve for $1-\rho$: the square of a ratio."],
)
