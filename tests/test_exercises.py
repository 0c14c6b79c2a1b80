"""Exercises: every kind of right answer is accepted, every kind of other answer is told so."""

import math
import re
import subprocess
import sys
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy as sp
import torch

from diffenc_lite import load_mnist, load_pretrained, pixels, read_card
from diffenc_lite.bound import diffusion_loss
from diffenc_lite.course.exercises import EXERCISES as ALL
from diffenc_lite.course.exercises import Choice, Exercise, Formula, Number, ask, check, judge
from diffenc_lite.course.exercises.levels import LEVELS, folded_hints
from diffenc_lite.course.worlds.exact import reconstruction_by_level

EXERCISES = {n: e for n, e in ALL.items() if n not in LEVELS}  # test_levels.py has the others
NUMBERS = [number for number, entry in EXERCISES.items() if isinstance(entry.form, Number)]
FORMULAS = [number for number, entry in EXERCISES.items() if isinstance(entry.form, Formula)]

OTHERS = [number for number in EXERCISES if number not in {*NUMBERS, *FORMULAS}]

# The answers once more, by hand: lesson_NN.RIGHT has those of notebook NN. What is neither a number
# nor a formula has a list of near misses too, in lesson_NN.WRONG.
LESSONS = [
    import_module(f"by_hand.{path.stem}")
    for path in sorted((Path(__file__).parent / "by_hand").glob("lesson_*.py"))
]
BY_HAND = {number: answer for lesson in LESSONS for number, answer in lesson.RIGHT.items()}
NEAR_MISSES = {n: given for lesson in LESSONS for n, given in getattr(lesson, "WRONG", {}).items()}


def text(number, answer) -> str:
    verdict = judge(number, answer)
    assert verdict.text.startswith(f"Exercise {number}: ")
    assert verdict.right == verdict.text.endswith(": right.")
    return verdict.text


# --- the registry ---------------------------------------------------------------------------------


def test_every_lesson_of_the_derivation_has_three_to_five_exercises_in_order():
    for notebook in ("00", "01", "02", "03", "04", "05", "06", "07", "09", "10", "11", "12", "14"):
        own = [number for number in EXERCISES if number.startswith(notebook + ".")]
        assert own == [f"{notebook}.{i + 1}" for i in range(len(own))]
        assert 3 <= len(own) <= 5


def test_registry_is_complete():
    assert list(EXERCISES) == list(BY_HAND)
    assert list(NEAR_MISSES) == OTHERS and all(NEAR_MISSES.values())
    for number, entry in EXERCISES.items():
        assert entry.number == number
        assert all(re.fullmatch(r".{15,}[.?]", hint) for hint in entry.hints), number
        assert 2 <= len(entry.hints) <= 3 or number >= "09", number
        assert not re.search(r"[${}\\]|math", entry.printed_hint), "a terminal shows no formula"
        if isinstance(entry.form, Formula):
            assert all(f"{name}" in entry.question for name in entry.form.ranges), number


@pytest.mark.parametrize("number", EXERCISES)
def test_the_answers_agree_with_those_by_hand(number):
    assert text(number, BY_HAND[number]) == f"Exercise {number}: right."


@pytest.mark.parametrize("number", OTHERS)
def test_near_misses_are_wrong(number):
    for given in NEAR_MISSES[number]:
        assert "not right" in text(number, given)


@pytest.mark.parametrize("number", FORMULAS)
def test_the_formula_itself_is_right_as_sympy_and_a_changed_one_is_not(number):
    entry = EXERCISES[number]
    symbols = {name: sp.Symbol(name, positive=True) for name in entry.form.ranges}
    answer = sp.sympify(entry.answer, locals=symbols)
    assert judge(number, answer).right
    for symbol in answer.free_symbols:
        assert not judge(number, answer + symbol / 10**6).right
        assert not judge(number, answer.subs(symbol, symbol * sp.Rational(1001, 1000))).right
    assert "not right" in text(number, -answer)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_outside_its_tolerance_is_wrong(number):
    form, value = EXERCISES[number].form, BY_HAND[number]
    error = form.tolerance * abs(value) + form.absolute
    assert "not right" in text(number, value + 3 * error)
    assert "not right" in text(number, value - 3 * error)


def test_numbers_of_the_wrong_sign_or_none_at_all_are_wrong():
    assert "not right" in text("00.3", -BY_HAND["00.3"])
    assert "not right" in text("00.3", math.nan)


@pytest.mark.parametrize("number", EXERCISES)
def test_no_text_contains_the_answer(number):
    entry = EXERCISES[number]
    shown = " ".join(
        [entry.question, *entry.hints]
        + [text(number, given) for given in (None, 0.123, "?", lambda *a: 0.123)]
    )
    if isinstance(entry.form, Choice):
        right = [entry.form.options[letter] for letter in entry.answer]
        assert not any(option in hint for option in right for hint in entry.hints)
    elif isinstance(entry.form, Number):
        value = BY_HAND[number]
        assert all(f"{value:.{digits}f}" not in shown for digits in range(2, 6))
    elif isinstance(entry.form, Formula):
        typed = re.sub(r"\be\^\{?(-?\\?\w+)\}?", r"exp(\1)", shown).replace(r"\ln", "log")
        bare = re.sub(r"\s", "", typed).replace("^", "**").replace("\\", "")
        assert len(entry.answer) < 7 or re.sub(r"\s", "", entry.answer) not in bare


def test_the_three_reports_of_09_4_are_what_their_mistakes_cost():
    """A: nats; B: v_hat = z, exercise 09.2 with the E x^2 of digits; C: L1 and L4 from -6 on."""
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", EXERCISES["09.4"].question, re.MULTILINE)
    table = {name: [float(entry) for entry in line.split("|")] for name, line in rows}
    healthy = read_card("mnist-vdm")["terms"]
    bits = [healthy[term] for term in ("prior", "reconstruction", "diffusion")]
    images = load_mnist("test", "bundled").images
    x = pixels.to_unit(images, dtype=torch.float64)
    gamma = torch.linspace(-13.3, 5, 2001, dtype=torch.float64)
    alpha2 = torch.sigmoid(-gamma)
    both = 2 * (alpha2 * (1 - alpha2)).sqrt()  # (sigma +- alpha)^2 = 1 +- both
    rate = 0.5 * alpha2 * ((1 - both) + (1 + both) * x.square().mean())
    untrained = torch.trapezoid(rate, gamma).item() / math.log(2)
    frequency = torch.bincount(images.flatten().long(), minlength=256).double() / images.numel()
    rough = (frequency @ reconstruction_by_level(-6.0)).item() / math.log(2)
    model, spent = load_pretrained("mnist-vdm"), []
    for t in torch.linspace(7.3 / 18.3, 1, 13)[:-1] + 11 / 18.3 / 24:
        some = pixels.to_unit(images[:100])
        eps = torch.randn(some.shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            depths = some.new_full((100,), t)
            spent.append(diffusion_loss(model, some, depths, eps).mean() / 784)
    late = torch.stack(spent).mean().item() * 11 / 18.3 / math.log(2)
    expected = {
        "healthy": bits,
        "A": [math.log(2) * part for part in bits],
        "B": [*bits[:2], untrained],
        "C": [bits[0], rough, late],
    }
    for name, terms in expected.items():
        assert table[name] == pytest.approx([*terms, sum(terms)], rel=0.03), name


# --- kinds of answers -----------------------------------------------------------------------------

VALUE = 1000 / (784 * math.log(2))


@pytest.mark.parametrize(
    "answer",
    [
        VALUE,
        round(VALUE, 3),
        Fraction(VALUE),
        np.float32(VALUE),
        np.array([VALUE]),
        torch.tensor(VALUE),
        torch.tensor([[VALUE]], requires_grad=True),
        sp.Rational(1000, 784) / sp.log(2),
        [VALUE],
        (torch.tensor([VALUE]),),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_a_number_may_come_from_any_library(answer):
    assert judge("00.3", answer).right


@pytest.mark.parametrize(
    "answer, said",
    [
        ("1.84", "a string"),
        (True, "True or False"),
        (np.array([True]), "an array of shape (1,)"),
        (np.ones(3), "an array of shape (3,)"),
        (torch.ones(2, 2), "an array of shape (2, 2)"),
        (1j, "a complex number"),
        ([VALUE, VALUE], "an object of type list"),
        ({}, "an object of type dict"),
        (lambda: VALUE, "a function"),
        (sp.Symbol("x"), "a SymPy expression"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_what_is_not_a_number_is_named_with_the_form_expected(answer, said):
    assert text("00.3", answer) == (
        f"Exercise 00.3: this is {said}. Expected: one number, to within 0.1 %."
    )


@pytest.mark.parametrize(
    "answer",
    [
        lambda gamma: math.exp(-gamma) / (1 + math.exp(gamma)) ** 2,
        lambda gamma: np.array([np.exp(-gamma) / (1 + np.exp(gamma)) ** 2]),
        lambda gamma: torch.exp(-gamma) * torch.sigmoid(-gamma) ** 2,
        lambda gamma: (-gamma).exp() / (1 + gamma.exp()) ** 2,
        lambda gamma: sp.exp(-gamma) / (1 + sp.exp(gamma)) ** 2,
        sp.Lambda(sp.Symbol("g"), sp.exp(-sp.Symbol("g")) / (1 + sp.exp(sp.Symbol("g"))) ** 2),
    ],
    ids=["math", "numpy", "torch", "methods", "sympy", "Lambda"],
)
def test_a_function_may_use_any_library(answer):
    assert judge("04.2", answer).right


@pytest.mark.parametrize("assumptions", [{}, {"real": True}, {"positive": True}])
def test_an_expression_may_be_in_any_form_and_with_any_assumptions(assumptions):
    gamma = sp.Symbol("gamma", **assumptions)
    alpha2 = (1 + sp.tanh(-gamma / 2)) / 2
    assert judge("04.2", alpha2**3 / (1 - alpha2)).right
    assert judge("04.2", sp.exp(-gamma) / (1 + 2.0 * sp.exp(gamma) + sp.exp(2 * gamma))).right


def test_single_precision_is_told_from_another_formula():
    def answer(s_2, gamma_1):
        excess = (s_2 - 1) / (1 + torch.tensor(gamma_1).exp())
        return (excess - torch.log(1 + excess)) / 2

    assert "gamma_1 = 2.258, but close (float64?). Hint" in text("05.1", answer)
    assert "float64" not in text("05.1", lambda *given: 1.1 * answer(*given))


def test_cancellation_is_found_in_a_function_but_not_held_against_an_expression():
    form = Formula({"step": (1e-12, 10.0)})
    share = Exercise("A.1", "The share in `step`.", form, "1 - exp(-step)", "expm1")
    assert "for example at step = " in judge(share, lambda step: 1 - math.exp(-step)).text
    assert judge(share, lambda step: -math.expm1(-step)).right
    assert judge(share, 1 - sp.exp(-sp.Symbol("step"))).right


@pytest.mark.parametrize("stub", [None, ...], ids=["None", "dots"])
@pytest.mark.parametrize("number", EXERCISES)
def test_stubs_are_not_yet_answered(number, stub):
    expected = EXERCISES[number].form.describe()
    assert text(number, stub) == f"Exercise {number}: not yet answered. Expected: {expected}."
    if number not in NUMBERS and callable(BY_HAND[number]):
        assert text(number, lambda *arguments: stub) == text(number, stub)


def test_a_function_that_is_not_implemented_is_not_yet_answered():
    def answer(gamma):
        raise NotImplementedError

    assert "not yet answered" in text("04.2", answer)


class Hostile:
    """Breaks whatever is done with it."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def endless(gamma):
    return endless(gamma)


@pytest.mark.parametrize(
    "answer, said",
    [
        (3, "this is a number. Expected: a function of gamma"),
        ("exp(-gamma)", "this is a string. Expected: a function of gamma"),
        (sp.Symbol("gamma") + sp.Symbol("y") + sp.Symbol("b"), "other symbols, b, y. Expected"),
        (sp.Eq(sp.Symbol("gamma"), 1), "an object of type Equality. Expected"),
        (sp.Matrix([1, 2]), "an array of shape (2, 1). Expected"),
        (lambda gamma: "x", "the function returned a string. Expected"),
        (lambda gamma: [gamma] * 2, "the function returned an object of type list. Expected"),
        (lambda gamma: None if gamma > 0 else 1.0, "returned an object of type NoneType. Expect"),
        (lambda gamma: gamma / 0, "the function raised ZeroDivisionError: float division by zero"),
        (lambda: 1, "takes 0 positional arguments but 1 was given. Hint: The squared factor"),
        (lambda gamma: sys.exit(3), "the function raised SystemExit: 3. Hint"),
        (endless, "the function raised RecursionError"),
        (lambda gamma: math.nan, "not right, for example at gamma = -4.977. Hint"),
        (
            sp.log(-1 - sp.exp(sp.Symbol("gamma"))),
            "it has no finite real value at some input. Hint",
        ),
        (sp.zoo * sp.Symbol("gamma"), "it has no finite real value at some input. Hint"),
        (float, "not right, for example"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong_and_raises_nothing(answer, said):
    assert said in text("04.2", answer)
    assert not judge("00.3", answer).right


def test_an_object_that_breaks_on_every_touch_gets_a_verdict():
    for number in ("00.3", "04.2"):
        assert "looking at it raised RuntimeError. Expected" in text(number, Hostile())


def test_an_interrupt_is_not_swallowed():
    def answer(gamma):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge("04.2", answer)


def test_a_hint_that_asks_ends_in_its_question_mark():
    assert text("01.3", "a").endswith("what is its variance?")
    assert text("00.3", 2).endswith("how many nats make a bit.")


def test_check_prints_the_same_every_time_and_returns_nothing(capsys):
    assert check("04.2", lambda gamma: gamma) is None
    first = capsys.readouterr().out
    check("04.2", lambda gamma: gamma)
    assert capsys.readouterr().out == first == judge("04.2", lambda gamma: gamma).text + "\n"


def test_ask_shows_question_and_form():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.instance()
    with capture_output() as captured:
        ask("03.2")
    first, second = (output.data for output in captured.outputs)
    shown = first["text/markdown"]
    assert shown.startswith("**Exercise 03.2.** The data are $N(0, s_2)$")
    assert shown.endswith("*Expected: a function of (s_2, gamma_0, gamma_1) in this order, or a "
                          "SymPy expression in these symbols.*")  # fmt: skip
    assert second["text/plain"] == "Hints, folded: 3"
    assert not any(hint in str(first) for hint in EXERCISES["03.2"].hints)
    assert r"<p>Integrate half of it over the SNR, from its value at \(t=1\)" in second["text/html"]


@pytest.mark.parametrize("number", ALL)
def test_hints_unfold_one_by_one(number):
    hints = ALL[number].hints
    folds = ElementTree.fromstring(f"<div>{folded_hints(ALL[number])}</div>")
    assert [fold.tag for fold in folds] == ["details"] * len(hints)
    for i, (fold, hint) in enumerate(zip(folds, hints, strict=True), 1):
        summary, *inside = fold
        assert not fold.attrib and summary.text == f"Hint {i}"  # closed
        said = "".join("".join(part.itertext()) for part in inside)
        assert "$" not in said and "`" not in said
        assert re.sub(r"\\[()\[\]]", "", said) == re.sub(r"[$`]", "", hint)


@pytest.mark.parametrize("wrong", ["4.2", "99.1", 4.2, None, ["04.2"]])
def test_an_unknown_number_is_refused_by_all(wrong):
    for call in (lambda: ask(wrong), lambda: check(wrong, 1), lambda: judge(wrong, 1)):
        with pytest.raises(ValueError, match="^number"):
            call()


def test_import_is_cheap():
    """Neither SymPy nor what draws is loaded before the first check or question."""
    code = (
        "import sys, diffenc_lite.course.exercises;"
        "print({'sympy', 'IPython', 'matplotlib', 'ipywidgets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
