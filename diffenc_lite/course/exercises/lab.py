"""Lesson 15 as a graded assignment: hidden tests, points, and one question marked by hand.

A hidden test draws other networks, batches and levels than `check`, from a seed that is drawn when
the assignment is written and stands in its source alone.
"""

import secrets
import sys
from dataclasses import replace
from inspect import isgeneratorfunction
from types import FrameType
from typing import Any

import torch

from . import lesson_15, own
from .answers import NotRight
from .checking import Mark, find, judge
from .forms import Program, answer_name

POINTS = {f"15.{k}": points for k, points in enumerate((2, 2, 2, 4, 2, 3, 3, 2, 1), 1)}
PIECES = [getattr(find(number).answer, "__name__", "") for number in POINTS]
BY_HAND = 5

RULES = f"""**This copy is marked.** The nine pieces earn {", ".join(map(str, POINTS.values()))}
points, by tests on networks and batches of their own; the question at the end earns {BY_HAND}. A
piece may call those before it, and nothing else of `diffenc_lite`. One that you skip earns nothing;
the library's stands in for it, so the others lose nothing. Keep the names of the answers, leave the
tests where they are, and hand in this one file."""

QUESTION = f"""## What your encoder gains ({BY_HAND} points, marked by hand)

**Before you train** the encoder of piece 9, write down how many bits per dimension it can gain at
most (lesson 05), and which number of this notebook says so. Then train it and the VDM alike, with
three seeds, in cells that you add here; all cells run again when this is marked, each for at most
five minutes. Answer in the next cell: your prediction and its reason, a table of the difference for
each seed with their mean and spread, and what you may conclude from it and what not, in at most 200
words."""

ANSWER = """### BEGIN SOLUTION
**Prediction.** An encoder can save a perfect VDM at most the divergence of q(z_1) from N(0, I)
(lesson 05), which is a part of the prior loss: 0.003 in the line of `w = 1`. I expect less.

**Result.** y = x + c(gamma) (mean - x), with c linear: each digit moves to the mean digit. 600 more
updates of either from the VDM above, on the same batches and draws; 20 depths for each test digit.

| seed | VDM | DiffEnc | gain |
|---|---|---|---|
| 11 | 1.83332 | 1.83297 | 0.00035 |
| 12 | 1.83379 | 1.83335 | 0.00044 |
| 13 | 1.83346 | 1.83302 | 0.00044 |

```python
for seed in (11, 12, 13):
    for arm, bound in ((copy.deepcopy(net), loss), (Both(net, OwnEncoder()), loss_encoded)):
        torch.manual_seed(seed)  # the same batches and draws in both arms
        _ = [*descend(arm, images, bound, 600)]
        print(seed, f"{score(arm, bound):.5f}")
```

**Conclusion.** The mean gain is 0.0004 +- 0.0001 (95 %, three seeds): it is there, below the limit,
and of no use to anybody. The runs share one VDM and one set of test digits, so the interval is of
batches and draws alone: about other VDMs, other digits, longer training or noise that ends earlier
it says nothing.
### END SOLUTION"""

TEST = """# Points: {points}. The test runs when this is marked
### BEGIN HIDDEN TESTS
from diffenc_lite.course.exercises.lab import mark

verdict = mark("{number}", {answer}, globals(), seed={seed})
assert verdict.right, verdict.text
### END HIDDEN TESTS"""


def hidden_test(number: str) -> str:
    """The source of the test of a piece, with a seed of its own"""
    answer, seed = answer_name(number), secrets.randbelow(10**9)
    return TEST.format(points=POINTS[number], number=number, answer=answer, seed=seed)


def mark(number: str, answer: Any, names: dict[str, Any], seed: int) -> Mark:
    """The verdict on a piece, tried on draws of this seed. It is not right if it is the library's,
    or calls anything of the library but the pieces before it.

    Args: names, the notebook's; imports and pieces among them that another cell has overwritten are
        put back."""
    exercise = find(number)
    form, piece, own_module = exercise.form, exercise.answer, getattr(answer, "__module__", "")
    assert isinstance(form, Program) and callable(piece)
    given = answer
    while inner := getattr(given, "func", getattr(given, "__wrapped__", None)):
        given = inner
    copied = getattr(given, "__code__", None) is getattr(piece, "__code__", piece)
    if copied or piece in (given, *getattr(given, "__mro__", ())):
        return Mark(False, f"{exercise.name}: not right: this is the library's piece.")

    def draw(generator: Any) -> tuple[Any, ...]:
        return form.inputs(generator.manual_seed(seed + generator.initial_seed()))

    def refuse(frame: FrameType, event: str, _: Any) -> None:
        module, called = frame.f_globals.get("__name__", ""), frame.f_code.co_qualname.split(".")[0]
        before = module == lesson_15.__name__ and called != piece.__name__
        before |= frame.f_code.co_name == "__torch_function__"  # called by PyTorch
        if event == "call" and module.startswith("diffenc_lite") and not before:
            by = frame.f_back  # past decorators and the like
            while by and not (of := by.f_globals.get("__name__", "")).startswith("diffenc_lite"):
                if of == own_module:
                    raise NotRight(f": it calls {called} of the library")
                by = by.f_back

    def loop(*given: Any) -> Any:  # a generator's frame does not tell who made it
        made = answer(*given)
        if getattr(made, "gi_code", None) is piece.__code__:
            raise NotRight(f": it calls {piece.__name__} of the library")
        return made

    head: dict[str, Any] = {}
    exec(own.HEAD, head)
    names |= {name: head[name] for name in head if not name.startswith("__")}
    earlier = list(zip(POINTS, PIECES, strict=True))[: PIECES.index(piece.__name__)]
    names |= {name: getattr(lesson_15, name) for _, name in earlier} | own.TAKEN
    names |= {answer_name(number): names[name] for number, name in earlier}
    sys.setprofile(refuse)
    try:
        with torch.enable_grad():
            draws = replace(exercise, form=replace(form, inputs=draw))
            return judge(draws, loop if isgeneratorfunction(piece) and callable(answer) else answer)
    finally:
        sys.setprofile(None)
