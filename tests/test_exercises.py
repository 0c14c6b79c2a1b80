"""Exercises: every kind of right answer is accepted, every kind of other answer is told so."""

import math
import re
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch
from by_hand.exercises import RIGHT, WRONG
from draws import ROOT

from diffenc_lite import load_mnist, load_pretrained, pixels, read_card
from diffenc_lite.bound import diffusion_loss
from diffenc_lite.course.exercises import EXERCISES as ALL
from diffenc_lite.course.exercises import ExerciseError, ask, check, checking, judge
from diffenc_lite.course.exercises.forms import Choice, Exercise, Formula, Number, Program
from diffenc_lite.course.exercises.levels import LEVELS
from diffenc_lite.course.worlds.exact import reconstruction_by_level

# An exercise is tested by its solution in the notebook (test_student.py) and by what is tried here.
EXERCISES = {n: e for n, e in ALL.items() if n not in LEVELS}  # test_levels.py has the others


def said(exercise, answer) -> str:
    """The verdict, without the number of the exercise before it"""
    verdict = judge(exercise, answer)
    number, text = re.fullmatch(r"Exercise (\w+\.\d+): (.*)", verdict.text, re.DOTALL).groups()
    assert number == getattr(exercise, "number", exercise)
    assert verdict.right == (text == "right.")
    return text


# --- the registry ---------------------------------------------------------------------------------


def test_what_is_derived_by_hand_exists():
    assert {*RIGHT, *WRONG} <= EXERCISES.keys()


@pytest.mark.parametrize("number", EXERCISES)
def test_no_text_contains_the_answer(number):
    entry = EXERCISES[number]
    replies = [said(number, given) for given in (None, 0.123, "?", lambda *a: 0.123)]
    shown = " ".join([entry.question, *entry.hints, *replies])
    if isinstance(entry.form, Choice):
        right = [entry.form.options[letter] for letter in entry.answer]
        assert not any(option in hint for option in right for hint in entry.hints)
    elif isinstance(entry.form, Number) and entry.form.count == 1:
        value = entry.answer()
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


# --- the answers by hand, in other forms, and wrong but close -------------------------------------


def symbolic(exercise, **assumptions):
    names = {n: sp.Symbol(n, **assumptions) for n in exercise.form.ranges}
    return sp.sympify(exercise.answer, locals=names), list(names.values())


def returning(function, change):
    def answer(*arguments):
        output = function(*arguments)
        return tuple(map(change, output)) if isinstance(output, tuple) else change(output)

    return answer


def bracketed(value):
    return value if np.ndim(value) else torch.as_tensor(value).reshape(1)


def right_in_other_forms(number):
    exercise = EXERCISES[number]
    if number in RIGHT:
        yield "by hand", RIGHT[number]
    match exercise.form:
        case Formula():
            yield "text", exercise.answer
            expression, symbols = symbolic(exercise, real=True)
            positive = {s: sp.Symbol(s.name, positive=True) for s in symbols[::2]}
            yield (
                "mixed assumptions",
                expression.xreplace(positive) + symbols[0] - positive[symbols[0]],
            )
            yield "expanded", sp.expand(symbolic(exercise)[0])
            yield "rewritten", expression.rewrite(sp.exp).together()
            yield "Lambda", sp.Lambda(tuple(symbols), expression)
            yield "compiled", sp.lambdify(symbols, expression, "numpy")
        case Choice():
            yield "another order", exercise.answer[::-1]
        case Program():
            yield "numpy", returning(exercise.answer, np.asarray)
            yield "lists", returning(exercise.answer, lambda v: torch.as_tensor(v).tolist())
            yield "bracketed", returning(exercise.answer, bracketed)


def wrong_but_close(number):
    exercise = EXERCISES[number]
    for given in WRONG.get(number, []):
        yield "near miss", given
    match exercise.form:
        case Number(count=1):
            value = exercise.answer()
            error = exercise.form.tolerance * abs(value) + exercise.form.absolute
            yield "above", value + 3 * error
            yield "below", value - 3 * error
            yield "sign", [-value]
        case Number():
            flat = [float(v) for v in np.ravel(exercise.answer())]
            outside = 1 + 3 * (exercise.form.tolerance or 0.01)
            for i, value in enumerate(flat):
                yield "one outside", [*flat[:i], value * outside, *flat[i + 1 :]]
            yield "another order", flat[::-1]
        case Choice(options, many):
            for letter in options:
                given = "".join(sorted({letter} ^ {*exercise.answer})) if many else letter
                if given and given != exercise.answer:
                    yield "a letter", given
        case Formula():
            expression, symbols = symbolic(exercise)
            yield "a thousandth", expression * sp.Rational(1001, 1000)
            for symbol in expression.free_symbols:
                yield "a millionth more", expression + symbol / 10**6
                yield "a symbol", expression.subs(symbol, symbol * sp.Rational(1001, 1000))
            yield "as a function", sp.lambdify(symbols, expression * (1 + 1e-5), "numpy")
        case Program():
            yield "a thousandth", returning(exercise.answer, lambda v: torch.as_tensor(v) * 1.001)


# Those of the lab return networks, gradients and random numbers, so not in every form
NUMBERS = [number for number in EXERCISES if not number.startswith("15.")]


@pytest.mark.parametrize("number", NUMBERS)
def test_right_answers_are_right_in_every_form(number):
    for how, answer in right_in_other_forms(number):
        assert said(number, answer) == "right.", how


@pytest.mark.parametrize("number", NUMBERS)
def test_wrong_ones_are_not_however_close(number):
    for how, answer in wrong_but_close(number):
        assert "not right" in said(number, answer), (how, answer)


# --- kinds of answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "exp", [math.exp, torch.exp, sp.exp, lambda g: g.exp(), lambda g: np.array([np.exp(g)])]
)
def test_a_function_may_use_any_library(exp):
    assert judge("04.2", lambda gamma: exp(-gamma) / (1 + exp(gamma)) ** 2).right


def test_single_precision_is_told_from_another_formula():
    def answer(s_2, gamma_1):
        excess = (s_2 - 1) / (1 + torch.tensor(gamma_1).exp())
        return (excess - torch.log(1 + excess)) / 2

    assert "gamma_1 = 2.258, but close (float64?). Hint" in said("05.1", answer)
    assert "float64" not in said("05.1", lambda *given: 1.1 * answer(*given))


def test_cancellation_is_found_in_a_function_but_not_held_against_an_expression():
    form = Formula({"step": (1e-12, 10.0)})
    share = Exercise("The share in `step`.", form, "1 - exp(-step)", ["expm1"])
    assert "for example at step = " in judge(share, lambda step: 1 - math.exp(-step)).text
    assert judge(share, lambda step: -math.expm1(-step)).right
    assert judge(share, 1 - sp.exp(-sp.Symbol("step"))).right


def test_stubs_are_not_yet_answered():
    for number in EXERCISES:
        for stub in (None, ...):
            assert "not yet answered" in said(number, stub)
            if isinstance(EXERCISES[number].form, Formula | Program):
                assert said(number, lambda *arguments, s=stub: s) == said(number, stub)

    def to_come(gamma):
        raise NotImplementedError

    assert "not yet answered" in said("04.2", to_come)
    counted = said("09.1", lambda train, test: torch.histc(train, 256))  # no stub, PyTorch's own
    assert "the function raised NotImplementedError: " in counted


class Hostile:
    """Breaks whatever is done with it."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def endless(gamma):
    return endless(gamma)


@pytest.mark.parametrize(
    "answer, words",
    [
        (
            [1.0],
            "this is an object of type list. Expected: a formula in gamma: text, a function of",
        ),
        (sp.Symbol("gamma") + sp.Symbol("y") + sp.Symbol("b"), "b, y are not names of this exer"),
        (
            "exp(-gama)",
            "gama is not a name of this exercise; use gamma, numbers and sqrt, exp, log",
        ),
        (sp.Eq(sp.Symbol("gamma"), 1), "an object of type Equality. Expected"),
        (lambda gamma: [gamma] * 2, "the function returned an object of type list. Expected"),
        (lambda gamma: None if gamma > 0 else 1.0, "returned an object of type NoneType. Expect"),
        (lambda: 1, "the function raised TypeError"),
        (lambda gamma: sys.exit(3), "the function raised SystemExit: 3"),
        (endless, "the function raised RecursionError"),
        (lambda gamma: math.nan, "not right, for example at gamma = "),
        (sp.log(-1 - sp.exp(sp.Symbol("gamma"))), "it has no finite real value at some input"),
        pytest.param(Hostile(), "looking at it raised RuntimeError. Expected", id="hostile"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong_and_raises_nothing(answer, words):
    assert words in said("04.2", answer)
    assert not judge("00.3", answer).right


def test_ask_shows_question_and_form():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.instance()
    with capture_output() as captured:
        ask("03.2")
    first, second = (output.data for output in captured.outputs)
    shown = first["text/markdown"]
    assert EXERCISES["03.2"].question in shown and "s_2, gamma_0, gamma_1" in shown
    assert not any(hint in shown for hint in EXERCISES["03.2"].hints)
    assert second["text/html"].count("<details") == len(EXERCISES["03.2"].hints)


@pytest.mark.parametrize("wrong", ["4.2", "99.1", 4.2, None, ["04.2"]])
def test_an_unknown_number_is_refused_by_all(wrong):
    for call in (lambda: ask(wrong), lambda: check(wrong, 1), lambda: judge(wrong, 1)):
        with pytest.raises(ValueError, match="^number"):
            call()


# --- the forms, on exercises made here ------------------------------------------------------------


def exercise(form, answer):
    return Exercise("A question.", form, answer, ["a hint."], number="T.1")


def test_near_0_an_absolute_tolerance_counts():
    exact, near = exercise(Number(), lambda: 0.0), exercise(Number(absolute=1e-6), lambda: 0.0)
    assert said(exact, 0) == "right." and said(exact, 1e-9) == "not right. Hint: a hint."
    assert said(near, 9e-7) == said(near, -9e-7) == "right."
    assert "not right" in said(near, 1.1e-6)


def test_a_formula_may_vanish_within_an_absolute_tolerance():
    form = Formula({"x": (-1.0, 1.0)}, absolute=1e-3)
    assert said(exercise(form, "0*x"), lambda x: 9e-4) == "right."
    assert "not right" in said(exercise(form, "0*x"), lambda x: 1.1e-3)
    assert "not right" in said(exercise(Formula(form.ranges), "0*x"), lambda x: 9e-4)


def test_the_noise_of_one_depth_is_one_number_in_a_formula_too():
    form = Formula({"alpha": (0.05, 0.95), "sigma": (0.05, 0.95)}, noise=True)
    noise = exercise(form, "sigma**2")
    alpha = sp.Symbol("alpha")
    assert said(noise, 1 - alpha**2) == "right."
    assert said(noise, lambda a, s: 1 - a**2) == "right."
    near = said(noise, lambda a, s: s**2 if a > 0.4 else 2 * s**2)
    assert "not right" in near and "close" not in near  # only where all points are
    assert "but close (float64?)" in said(noise, lambda a, s: s**2 * 1.0001)


def rows(generator):
    return torch.randn(5, 3, generator=generator), torch.rand(5, 1, generator=generator)


def weighted(z, w):
    return (w * z).sum(0)


HALF = exercise(Number(), lambda: 0.5)
THREE = exercise(Number(count=3), lambda: [1.0, 2.0, 4.0])
ONE = exercise(Choice({"a": "it rises", "b": "it falls", "c": "neither"}), "b")
MANY = exercise(Choice(ONE.form.options, many=True), "ac")
IS = "not right: the output is"
SUM = exercise(Program("z (n, d), w (n, 1)", "a tensor (d,)", rows), weighted)


@pytest.mark.parametrize(
    ("asked", "answer", "words"),
    [
        # numbers, of any library
        (HALF, 0.5002, "right."),
        (HALF, Fraction(1, 2), "right."),
        (HALF, sp.cos(sp.pi / 3), "right."),
        (HALF, np.array([0.5]), "right."),
        (HALF, (torch.tensor([[0.5]]),), "right."),
        (THREE, (1, 2.0, sp.Integer(4)), "right."),
        (THREE, np.array([1, 2, 4], dtype=np.float32), "right."),
        (THREE, torch.tensor([[1.0], [2], [4]], requires_grad=True), "right."),
        (THREE, [torch.tensor(1.0), torch.tensor(2.0), torch.tensor(4.0)], "right."),
        (THREE, sp.Matrix([1, 2, 4]), "right."),
        (THREE, [1, 2, 4.1], "not right, for example at index 2. Hint: a hint."),
        (THREE, [1, 2, float("nan")], "not right, for example at index 2"),
        (THREE, [1, 2], "this is an array of shape (2,). Expected"),
        (THREE, ["1", "2", "4"], "this is an object of type list"),
        (THREE, [[1], [2, 3]], "this is an object of type list"),
        (THREE, {1, 2, 4}, "this is an object of type set"),
        (THREE, torch.zeros(3, dtype=torch.cfloat), "this is an array of shape (3,)"),
        # choices
        (ONE, " B ", "right."),
        (ONE, "a", "not right. Hint"),
        (ONE, "ab", 'this is "ab". Expected'),
        (ONE, 2, "this is a number. Expected"),
        (MANY, {"a", "c"}, "right."),
        (MANY, "a", "not right"),
        (MANY, "abc", "not right"),
        (MANY, "x", 'this is "x". Expected'),
        # programs, however they are written
        (SUM, lambda z, w: z.T.double() @ w.double().squeeze(1), "right."),
        (SUM, lambda z, w: z.mul_(w).sum(0), "right."),  # it changes its input
        (
            SUM,
            lambda z, w: (w * z).cumsum(0)[2],
            f"{IS} -0.21798 in place of -0.0078405 at index 1. ",
        ),
        (
            SUM,
            lambda z, w: weighted(z, w) * torch.tensor([1, 1, 1.001]),
            f"{IS} -1.0873 in place of -1.0862 at index 2. Hint",
        ),
        (SUM, lambda z, w: w * z, "not right: the output has shape (5, 3) in place of (3,)"),
        (SUM, lambda z, w: w @ z, "not right, the function raised RuntimeError: "),
        (SUM, lambda z, w: (z, w), "the function returned an object of type tuple"),
        (SUM, lambda z, w: torch.full((3,), torch.nan), "not right"),
        (SUM, torch.zeros(3), "this is an array of shape (3,). Expected: a function"),
    ],
)
def test_each_form_says_right_or_what_is_wrong(asked, answer, words):
    text = said(asked, answer)
    assert text.startswith(words) and (text == "right.") == (words == "right.")


# --- what an answer prints, and exercises with mistakes -------------------------------------------


def test_judge_says_nothing_and_check_lets_answers_speak(capfd):
    def loud(z, w):
        print("out")
        print("err", file=sys.stderr)
        np.log(np.zeros(1))  # warns
        return weighted(z, w)

    assert judge(SUM, loud).right
    assert capfd.readouterr() == ("", "")
    check(SUM, loud)
    assert capfd.readouterr().out == "out\n" * 3 + "Exercise T.1: right.\n"


def test_the_stop_button_ends_an_endless_answer():
    def stopped(z, w):
        raise KeyboardInterrupt

    for judged in (check, judge):
        with pytest.raises(KeyboardInterrupt):
            judged(SUM, stopped)


@pytest.mark.parametrize(
    "form, answer, words",
    [
        (Number(), lambda: 1 / 0, "ZeroDivisionError"),
        (Number(), lambda: "x", "1 finite number"),
        (Number(count=2), lambda: [1.0], "2 finite numbers"),
        (Formula({"x": (0, 1)}), "x + y", "y is not a name"),
        (Formula({"x": (-1, 1)}), "log(x)", "no finite real value"),
        (Choice({"a": "", "b": ""}), "ab", "one letter"),
        (SUM.form, lambda z, w: "x", "return numbers"),
    ],
)
def test_a_mistake_of_the_exercise_is_not_laid_to_the_answer(form, answer, words, capsys):
    wrong = exercise(form, answer)
    with pytest.raises(ExerciseError, match="T.1 itself has a mistake.*" + words):
        judge(wrong, 1.0)
    check(wrong, 1.0)
    assert re.search("itself has a mistake.*" + words, capsys.readouterr().out)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Exercise("?", Number(), answer_04_6), "NameError: name 'answer_04_6'"),  # noqa: F821
        (lambda: Exercise(question="?", form=Number(), hint="a"), "keyword argument 'hint'"),
        (lambda: Exercise("?", Number(), hints=["a"]), "its answer must be a function"),
        (lambda: Exercise("?", "Number", lambda: 1.0), "no attribute 'describe'"),
        (lambda: Exercise("?", Number(), lambda: 1.0, "a"), "hints must be a list"),
        (lambda: Exercise(None, Number(), lambda: 1.0), "NoneType"),
    ],
)
def test_a_mistake_in_one_exercise_breaks_that_one_only(make, words, capsys):
    """The notebooks go on: it is made, asked and checked, and a sentence says what is wrong."""
    broken = checking.made("04.6", make)
    ask(broken)
    check(broken, 1.0)
    said = capsys.readouterr().out
    assert "Exercise 04.6 itself has a mistake, whatever the answer: " in said and words in said


# --- hints and known mistakes ---------------------------------------------------------------------

SPREAD = Exercise(
    question="The standard error of the mean of `d`.",
    form=Program("d (n,)", "one number", lambda g: (torch.randn(50, generator=g),)),
    answer=lambda d: d.std() / len(d) ** 0.5,
    hints=["What is $n$ for?", "Look at the root.", "It is $s/\\sqrt n$."],
    mistakes={"this is the standard deviation of one point": lambda d: d.std()},
)


def test_each_try_gets_another_hint_and_a_known_mistake_its_name(capsys):
    def verdicts(*answers):
        for answer in answers:
            check(SPREAD, answer)
        return capsys.readouterr().out.splitlines()

    first, second, third = verdicts(*[lambda d: d.mean()] * 2, lambda d: d.std())
    assert first.endswith(" Hint: What is n for?") and second.endswith(" Hint: Look at the root.")
    named = "not right: this is the standard deviation of one point."
    assert third == f"Exercise: {named}"
    last, silent = verdicts(*[lambda d: d.mean()] * 2)  # a name uses no hint up
    assert last.endswith(" Hint: It is s/sqrt n.") and "Hint" not in silent
    assert judge(SPREAD, lambda d: d.std()).text == f"Exercise: {named}"  # not counted
    assert verdicts(None, 3, SPREAD.answer)[-1] == "Exercise: right."


def test_two_tries_get_two_hints_whichever_output_is_wrong():
    for number, entry in EXERCISES.items():
        if number[0].isdigit():
            for output in getattr(entry.form, "outputs", ()) or [""]:
                first, second = (entry.printed_hint(tries, output) for tries in (1, 2))
                assert first and second and first != second, (number, output)


def test_the_examples_of_each_form_in_the_guide(capsys):
    guide = (ROOT / "docs" / "instructors.md").read_text("utf-8")
    code, names = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)[0], {}
    exec(code, names)
    said = capsys.readouterr().out
    assert said == "Exercise: not right: the factor of the signal counts squared.\n"
    made = [example for example in names.values() if isinstance(example, Exercise)]
    assert {type(example.form) for example in made} == {Number, Formula, Choice, Program}
    for example in made:
        right = example.answer() if isinstance(example.form, Number) else example.answer
        assert judge(example, right).right
        for sentence, wrong in example.mistakes.items():
            assert judge(example, wrong).text == f"Exercise: not right: {sentence}."


LN2, ANSWERS = math.log(2), {n: e.answer for n, e in EXERCISES.items()}


@pytest.mark.parametrize(
    "number, given, mistake",
    [
        ("04.2", f"2*{ANSWERS['04.2']}", "off by a factor of 2 everywhere"),
        ("04.2", f"-3*{ANSWERS['04.2']}", "off by a factor of -3 everywhere"),
        ("04.2", f"1/({ANSWERS['04.2']})", "it is the reciprocal of what is asked for"),
        ("03.2", f"-({ANSWERS['03.2']})", "the sign is wrong everywhere"),
        ("03.2", f"({ANSWERS['03.2']})/log(2)", "off by a factor of 1/ln 2 everywhere (in bits, "),
        ("03.2", f"{ANSWERS['03.2']} + 1/2", "off by the constant 0.5 everywhere"),
        ("00.3", 1000 / 784, "off by a factor of ln 2 (in nats, where bits are asked for?)"),
        ("00.1", -13.3 / 18.3, "the sign is wrong"),
        (
            "09.1",
            lambda *given: LN2 * ANSWERS["09.1"](*given),
            "off by a factor of ln 2 everywhere",
        ),
        ("08.2", lambda *given: [-v for v in ANSWERS["08.2"](*given)], "output 1: the sign is wr"),
        ("06.3", lambda *given: 0.7 * ANSWERS["06.3"](*given), "off by a factor of 0.7 everywhere"),
        ("F3.3", "sigma_s^2*c/3", "off by a factor of 1/3 everywhere"),
    ],
)
def test_what_is_wrong_everywhere_is_said_in_place_of_the_first_hint(number, given, mistake):
    assert f"not right: {mistake}" in judge(number, given).text
    assert "Hint" not in judge(number, given).text


@pytest.mark.parametrize("number, given", [("04.2", "2"), ("00.3", 3.68), ("06.2", lambda gaps: 1)])
def test_no_mistake_is_invented(number, given):
    """Nor the answer given away: any number is some factor times another."""
    assert "everywhere" not in judge(number, given).text


def test_networks_and_generators_may_be_inputs():
    """A network made in `inputs` is the same for the answer and for a try."""

    def inputs(generator):
        return torch.nn.Linear(3, 2), torch.randn(4, 3, generator=generator), generator

    def noisy(network, x, generator, scale=1.0):
        eps = torch.randn(4, 2, generator=generator)
        return network(x) + scale * eps

    form = Program("network, x (n, 3), generator", "(n, 2)", inputs)
    asked = Exercise("?", form, noisy, mistakes={"no noise": lambda *g: noisy(*g, scale=0.0)})
    state = torch.get_rng_state()
    assert judge(asked, noisy).right
    assert judge(asked, lambda network, x, _: network(x)).text == "Exercise: not right: no noise."
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("number", [n for n, e in EXERCISES.items() if e.mistakes])
def test_each_mistake_is_wrong_and_told_by_its_name(number):
    asked = EXERCISES[number]
    for sentence, wrong in asked.mistakes.items():
        given = wrong
        if isinstance(asked.form, Formula):
            given = sp.sympify(wrong, {n: sp.Symbol(n) for n in asked.form.ranges})
        elif isinstance(asked.form, Number):
            given = wrong()
        assert said(number, given) == f"not right: {sentence}."
