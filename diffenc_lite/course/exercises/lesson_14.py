"""Exercises of notebook 14, Auditing the paper."""

import math

from .forms import Choice, Exercise, Formula, Lesson, Number

EXERCISES: Lesson = {}

EXERCISES["14.1"] = lambda: Exercise(
    question="""The evidence for a claim is: a proof that closes, under the condition *bounded
    data*; a check that agrees to 6 digits; and a measured interval from $-0.012$ to $+0.001$, where
    *below 0* is claimed. The verdict is *not seen here*, and somebody wants *proved under bounded
    data*. Which changes, each by itself, do it? And what does each of them teach? (The rule is
    `verdict` in `diffenc_lite.course.studies.audit`; `inspect.getsource` shows it.)""",
    form=Choice({"a": "more pairs narrow the interval to -0.011 to -0.001",
                 "b": "the measurement is taken out of the evidence",
                 "c": "the check has to agree to 3 digits only",
                 "d": "a counterexample is added that finds 0 where at most 0 is claimed",
                 "e": "the condition is proved as well, so that the proof has none"}, many=True),
    answer="ab",
    hints=["Go through the rules of `verdict` from the top, once for each change.",
           "A measurement that fails stops the rules before they reach the proof."],
)


def answer_14_2() -> list[float]:
    """P(|T| > t) of Student's t with 8 degrees of freedom, in closed form"""
    error = math.hypot(0.005, 0.004)
    sines = [t / math.hypot(t, math.sqrt(8)) for t in (0.012 * math.sqrt(5) / error, 0.012 / error)]
    squares = [(sine, 1 - sine**2) for sine in sines]
    return [1 - sine * (1 + c / 2 + 3 / 8 * c**2 + 5 / 16 * c**3) for sine, c in squares]


EXERCISES["14.2"] = lambda: Exercise(
    question=r"""A report gives $1.064\pm0.005$ bits per dimension without an encoder and
    $1.052\pm0.004$ with it, **five** seeds each, unpaired. Which two-sided p does Student's test
    give if $\pm$ is the standard deviation of a run, and which if it is the standard error of the
    mean? Both, in this order.""",
    form=Number(tolerance=2e-2, count=2),
    answer=answer_14_2,
    hints=["The standard error of a mean of five is the standard deviation over the root of 5.",
           "`statistics.two_sample_p` of `diffenc_lite.course.studies` takes standard "
           "deviations."],
)

EXERCISES["14.3"] = lambda: Exercise(
    question=r"""Pencil and paper. Gaussian data of variance $s_2\ge1$, perfect denoisers, no
    decoder mismatch. An encoder brings the prior loss down to its floor, that of $x_1=0$, and
    leaves the reconstruction loss of a VDM as it was. By how many nats per dimension must its
    diffusion loss lie **at least** above that of the VDM? A formula in `s_2, gamma_1`.""",
    form=Formula({"s_2": (1.0, 4.0), "gamma_1": (-2.0, 5.0)}),
    answer="(1/(1 + exp(gamma_1)) + log((s_2 + exp(gamma_1))/(1 + exp(gamma_1))))/2",
    hints=["The total of the VDM is the entropy plus KL(q(z_1) || N(0, 1)), and nobody gets "
           "below the entropy (X5).",
           "The prior loss falls by half of alpha_1^2 s_2."],
)
