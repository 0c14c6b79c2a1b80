"""Answers of notebook 08, derived a second time: by hand, in Python or as a figure."""


def by_difference(scores, perfect, truth):
    """The mean difference of the two models, on top of the known mean of the perfect one."""
    apart = (scores - perfect).numpy()
    return truth + apart.mean(), apart.std(ddof=1) / len(apart) ** 0.5


def broken_control(scores, perfect, truth, known=False, root=False):
    better = scores - (perfect - (truth if known else perfect.mean()))
    return better.mean(), better.std() / len(better) ** (0.5 if root else 1)


def timid(k, s_2, eta):
    """(1 - k)^2 of the slope eta^(1/2) s / (1 + eta s) on z, whose variance is 1 + eta s"""
    slope = eta**0.5 * s_2 / (1 + eta * s_2)
    return eta / 2 * (1 - k) ** 2 * slope**2 * (1 + eta * s_2)


RIGHT = {
    "08.1": timid,
    "08.2": by_difference,
    "08.3": "c",
}

WRONG = {
    "08.2": [
        broken_control,
        lambda *given: broken_control(*given, known=True),
        lambda *given: broken_control(*given, root=True),
    ],
    "08.3": ["a", "b", "d"],
}
