"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it.

The verdict is right, not right (with the mistake, if it has a name, or else a hint, another one
after each try), not yet answered, or which form is expected; the answer itself is never printed.
Whatever is given, `check` prints a verdict and raises nothing, and the text is the same in every
run. A mistake in an exercise breaks that one only.

In a notebook, and in the versions for students that `student.py` makes, an exercise is three cells:

    ask("04.2")                                     a cell that shows the question, hints folded

    answer_04_2 = ...  # your answer here           the stub
    check("04.2", answer_04_2)

    ### BEGIN SOLUTION                              the solution, tagged `solution`
    answer_04_2 = 3 * sympy.Symbol("gamma")
    check("04.2", answer_04_2)
    ### END SOLUTION

An answer that is a function has the same name: `def answer_04_2(gamma):`.
"""

import contextlib
import importlib
import io
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...arguments import check_one_of
from .answers import ExerciseError, NotRight, Unanswered, WrongForm, refuse_stub
from .comparing import named_mistake, prepared
from .forms import Choice, Exercise, Number
from .levels import LEVELS
from .writing import folded_hints


def made(number: str, make: Callable[[], Exercise]) -> Exercise:
    """The exercise of this number; if it can't be made, one that says why whenever it is judged"""
    try:
        exercise = make()
        exercise.form.describe()
    except Exception:  # when it is judged, the same happens again
        exercise = Exercise("It has a mistake.", Number(), lambda: make().form.describe())
    return replace(exercise, number=number)


# Those of the notebooks, and the proof levels, which any notebook may use
EXERCISES: dict[str, Exercise] = {
    number: made(number, make)
    for file in sorted(Path(__file__).parent.glob("lesson_*.py"))
    for number, make in importlib.import_module(f".{file.stem}", __package__).EXERCISES.items()
} | LEVELS
RIGHT: dict[Exercise, list[Any]] = {}  # answers that `check` found right
_hinted: Counter[tuple[Exercise, str]] = Counter()  # hints that `check` gave, for each output


def find(exercise: str | Exercise) -> Exercise:
    """The exercise of this number. Raises ValueError for a number that does not exist."""
    if isinstance(exercise, Exercise):
        return exercise
    check_one_of("number", exercise, EXERCISES)
    return EXERCISES[exercise]


@dataclass(frozen=True)
class Mark:
    """Whether an answer is right, and the sentence that `check` prints."""

    right: bool
    text: str


def ask(exercise: str | Exercise) -> None:
    """Show the question as Markdown, and below it the hints, folded.

    Raises ValueError for a number that does not exist.
    """
    from IPython.display import Markdown, display

    asked = find(exercise)
    parts = [f"**{asked.name}.** {asked.question}"]
    if isinstance(asked.form, Choice):
        parts.append("\n".join(f"- **{k}**: {text}" for k, text in asked.form.options.items()))
    display(Markdown("\n\n".join([*parts, f"*Expected: {asked.form.describe()}.*"])))
    plain = f"Hints, folded: {len(asked.hints)}"
    display({"text/plain": plain, "text/html": folded_hints(asked)}, raw=True)


def check(exercise: str | Exercise, answer: Any) -> None:
    """Print the verdict on an answer. Raises ValueError for a number that does not exist."""
    try:
        mark = verdict_of(find(exercise), answer, counted=True)
        print(mark.text)
        if mark.right:
            RIGHT.setdefault(find(exercise), []).append(answer)
    except ExerciseError as error:
        print(error)


def judge(exercise: str | Exercise, answer: Any) -> Mark:
    """The verdict on an answer, for graders; what the answer prints or warns of is dropped.

    Raises ValueError for a number that does not exist, ExerciseError where the exercise itself is
    at fault, and nothing else.
    """
    known = find(exercise)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        with warnings.catch_warnings(action="ignore"):
            return verdict_of(known, answer)


def verdict_of(exercise: Exercise, answer: Any, counted: bool = False) -> Mark:
    """The verdict, whatever the answer prints: a mistake's name, or else a hint, if tries are
    `counted` another one each time."""
    compare, expected = prepared(exercise), f"Expected: {exercise.form.describe()}."
    try:
        refuse_stub(answer)
        compare(answer)
        said = "right."
    except Unanswered:
        said = f"not yet answered. {expected}"
    except WrongForm as form:
        said = f"{form}{'' if str(form).endswith('?') else '.'} {expected}"
    except NotRight as where:
        if named := named_mistake(exercise, answer) or where.mistake:
            said = f"not right: {named}."
        else:
            _hinted[exercise, where.output] += counted
            tries = _hinted[exercise, where.output] if counted else 1
            said = f"not right{where}.{exercise.printed_hint(tries, where.output)}"
    except (Exception, SystemExit) as error:  # an answer may be an object that breaks in any way
        said = f"looking at it raised {type(error).__name__}. {expected}"
    return Mark(said == "right.", f"{exercise.name}: {said}")
