"""Exercises of notebook 08."""


def broken_control(scores, perfect, truth, known=False, root=False):
    better = scores - (perfect - (truth if known else perfect.mean()))
    return better.mean(), better.std() / len(better) ** (0.5 if root else 1)


WRONG = {
    "08.2": [
        broken_control,
        lambda *given: broken_control(*given, known=True),
        lambda *given: broken_control(*given, root=True),
    ],
}
