"""Proof levels: derived a second time, chained, judged, played, kept, handed in."""

import html
import json
import random
import re

import nbformat
import pytest
import sympy as sp
from by_hand.levels import RIGHT, WRONG, as_expression, uses
from nbformat.v4 import new_code_cell, new_notebook

from diffenc_lite.course import ledger
from diffenc_lite.course.exercises import EXERCISES, check, judge, level, play, writing
from diffenc_lite.course.exercises.levels import CHAINS, LEVELS, latex, to_html
from diffenc_lite.course.exercises.player import read_progress, write_progress
from diffenc_lite.course.exercises.student import BEGIN, END, IGNORE, student_version

# Where a chain arrives: its last lines are these forms of its row, or of the row that is named.
ARRIVES = {
    "KL": {4: "kl"},
    "F1": {1: "mean", 2: "variance"},
    "F2": {5: "variance", 6: "c"},
    "F3": {3: "variance", 6: "mean"},
    "G3": {4: "mean", 5: "variance"},
    "G4": {1: "x_t", 2: "epsilon", 3: "v", 4: "error"},
    "L2": {1: "one_dimension", 3: "gap"},
    "L4": {3: "residual", 6: "integrand", 7: "integrand_E1"},
    "E2": {1: "slope", 3: "u", 4: "mean", 5: "L4.residual_E2"},
    "E3": {5: "L4.residual_E3"},
    "W1": {3: "ratio", 4: "curvature", 5: "cost", 6: "variance"},
    "W2": {1: "excess", 4: "root", 6: "best"},
    "X4": {1: "snr", 2: "speed", 3: "vdm", 4: "error", 5: "scaling", 6: "ratio"},
    "X5": {5: "total", 6: "advantage"},
}


HEADS = {"proved": "Proved", "in words": "In words", "on trust": "Taken on trust"}


def said(number, answer) -> str:
    verdict = judge(number, answer)
    assert verdict.right == verdict.text.endswith(": right.")
    return verdict.text.removeprefix(f"Exercise {number}: ")


# --- the mathematics ------------------------------------------------------------------------------


def test_the_main_line_is_there_in_small_steps():
    assert list(CHAINS) == list(ARRIVES)
    assert 45 <= len(LEVELS) <= 80 and set(LEVELS) < set(EXERCISES)
    for number, step in LEVELS.items():
        assert 2 <= len(step.hints) <= 3, number
        assert len(step.goal.split()) <= 90, number
        assert latex(step.answer) not in "".join((step.goal, *step.hints[:-1])) or (
            len(step.answer) < 12
        ), f"{number} gives its answer away"


@pytest.mark.parametrize("number", LEVELS)
def test_each_level_follows_from_what_it_uses(number):
    numbers = list(LEVELS)
    assert list(LEVELS[number].uses) == uses(number)
    assert all(numbers.index(used) < numbers.index(number) for used in uses(number))
    assert said(number, LEVELS[number].answer) == "right."
    assert said(number, RIGHT[number]) == "right."


@pytest.mark.parametrize("chain", ARRIVES)
def test_chains_arrive_at_the_rows_of_the_ledger(chain):
    notation = ledger.notation
    for place, form in ARRIVES[chain].items():
        tag, form = form.split(".") if "." in form else (chain, form)
        claim = ledger.LEDGER[tag].form(form)
        claim = claim.subs(notation.lambda_s, notation.lambda_t + notation.Delta)
        assert said(f"{chain}.{place}", claim) == "right."


def test_a_level_says_proved_only_where_the_ledger_does():
    for chain, forms in ARRIVES.items():
        for place, form in forms.items():
            tag, form = form.split(".") if "." in form else (chain, form)
            word = ledger.LEDGER[tag].words[form].replace("defined", "proved")
            assert LEVELS[f"{chain}.{place}"].word == word, (chain, place)


@pytest.mark.parametrize("number", LEVELS)
def test_rewritings_are_right(number):
    answer = as_expression(number)
    text = LEVELS[number].answer
    for same in (
        sp.expand(answer),
        sp.factor(answer),
        sp.together(sp.expand_log(answer)),
        (3 * answer - answer) / 2,
        text.replace("**", "^").replace("log", "ln"),
        f"0.5*({text}) + ({text})/2",
        answer.xreplace({s: sp.Symbol(s.name) for s in answer.free_symbols}),  # nothing assumed
    ):
        assert said(number, same) == "right."


@pytest.mark.parametrize("number", LEVELS)
def test_near_misses_are_refused_with_a_point(number):
    for given in WRONG[number]:
        text = said(number, given)
        if LEVELS[number].form.leading and "keep the leading power" in text:
            continue  # right in that power, and more than it
        assert text.startswith("not right, for example at "), given


def test_neither_depths_nor_signs_of_roots_are_mixed_up():
    swapped = LEVELS["F3.6"].answer.replace("sigma_s", "?").replace("sigma_t", "sigma_s")
    assert "not right" in said("F3.6", swapped.replace("?", "sigma_t"))
    # right where gamma_t > 0, where a root has the sign of what is under it
    root = "alpha_t**2*sigma_t**2*sqrt((sigma_t**2 - alpha_t**2)**2)/(sigma_t**2 - alpha_t**2)"
    assert "not right" in said("E2.1", root)


# --- what the machine says ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, words",
    [
        ("w", "not right, for example at w = 2.7, delta = 1.8, sigma_Q = 0.4077: yours gives 2.7, "
              "right is 26.67"),
        ("log(w - 3)", "yours gives no real value, right is 26.67"),
        ("2 w", "it cannot be read as a formula: write products with *"),
        ("(w", "it cannot be read as a formula"),
        ("", "it cannot be read as a formula"),
        ("(" * 300 + "w", "it cannot be read as a formula"),
        ("w" * 501, "it is longer than 500 letters"),
        ("1/(w - w)", "it is not finite and real: look for a division by 0"),
        ("1/0", "it is not finite and real"),
        ("log(0)", "it is not finite and real"),
        ("sqrt(-w)", "it is not finite and real"),
        ("1e999", "cannot be part of a formula here"),
        ("9**9**9", "the power 9 ** 9 is too high"),
        ("0**0**(1/0)", "the power"),
        ("sigma_t*w + foo", "foo, sigma_t are not names of this level; did you mean sigma_Q?; "
                            "use w, delta, sigma_Q, numbers and sqrt, exp, log. Expected: a"),
        ("w(1 - w)", "w(...) reads as a function: write products with *"),
        ("exp(w, w)", "exp takes one argument"),
        ("log", "log is not a name of this level"),
        ("w.real", "w.real cannot be part of a formula here"),
        ("w == 1", "w == 1 cannot be part of"),
        ("True", "True and False are not numbers here"),
        ("1j", "1j cannot be part of"),
        ("'w'", "'w' cannot be part of"),
        ("__import__('os').getcwd()", "reads as a function"),
        (None, "not yet answered"),
        (True, "this is True or False"),
        ([1], "this is an object of type list"),
        (lambda w: w, "this is a function"),
        (sp.Eq(sp.Symbol("w"), 1), "this is an object of type Equality"),
        (sp.Matrix([1]), "this is an array of shape (1, 1)"),
        (sp.Symbol("y"), "y is not a name of this level"),
        (sp.sin(sp.Symbol("w")), "sin cannot be part of it: only sqrt, exp, log"),
        (sp.Function("f")(sp.Symbol("w")), "f cannot be part of it"),
        (sp.zoo, "it is not finite and real"),
        (sp.nan, "it is not finite and real"),
        (float("inf"), "it is not finite and real"),
        (2, "not right, for example at"),
    ],
)  # fmt: skip
def test_every_try_gets_a_reply(answer, words):
    assert words in said("L2.1", answer)


def test_what_algebra_cannot_show_is_undecided_not_right():
    text = LEVELS["L2.1"].answer
    reply = said("L2.1", f"{text} + exp(w*log(w)) - w**w")
    assert reply.startswith("could not decide: it agrees at every point that was tried")


@pytest.mark.parametrize(
    "number, answer", [("L4.1", "1 - exp(-Delta)"), ("W2.3", "kappa*h - log(1 + kappa*h)")]
)
def test_an_exact_answer_where_a_limit_is_asked_for_is_told_as_such(number, answer):
    assert said(number, answer).startswith("exact, or nearly so: keep the leading power of ")
    assert "not right" in said(number, f"2*({answer})")


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("sigma_s^2c", "sigma_s^2*c"),
        ("sigma_s**2 c", "sigma_s^2*c"),
        ("2(c + 1)sigma_s", "2*(c + 1)*sigma_s"),
        ("c(1 - c)", "c*(1 - c)"),
        ("sigmas**2*c", "sigma_s"),
    ],
)
def test_a_slip_of_typing_gets_a_suggestion(typed, meant):
    assert f"did you mean {meant}?" in said("F3.3", typed)
    assert "did you mean" not in said("F3.3", "(")


def test_noise_at_one_depth_is_one_number():
    for same in ("alpha_t^2 - alpha_t^4", "(1 - sigma_t^2)*sigma_t^2"):
        assert said("E2.1", same) == "right."
    n = ledger.notation
    assert said("F2.4", n.sigma_t**2 - n.alpha_ts**2 * n.sigma_s**2) == "right."


def test_typed_text_and_its_formula_agree():
    symbols = {n: sp.Symbol(n, positive=True) for n in "ab"}
    for text, shown in {
        "a - (b - 1)": r"a - \left(b - 1\right)",
        "-(a + b)/2": r"-\frac{a + b}{2}",
        "(a + b)*(a - -b)": r"\left(a + b\right) \left(a - \left(-b\right)\right)",
        "(-a)**2*(-b)": r"\left(-a\right)^{2} \left(-b\right)",
        "(a/b)**2": r"\left(\frac{a}{b}\right)^{2}",
        "ln(a)**2": r"\left(\ln a\right)^{2}",
        "(a*b)**2/a": r"\frac{\left(a b\right)^{2}}{a}",
        "a**(b/2)*3": r"a^{\frac{b}{2}}\cdot 3",
        "sqrt(a)*ln(a*b)": r"\sqrt{a} \ln \left(a b\right)",
        "exp(-a)": "e^{-a}",
    }.items():
        tree = writing.read(text)
        assert writing.to_latex(tree, {}) == shown
        expected = sp.sympify(text, locals=symbols)
        assert sp.simplify(writing.to_sympy(tree, symbols) - expected) == 0
    assert latex("gammaprime_t**2*xhat/alpha_ts") == (
        r"\frac{{\gamma'_{t}}^{2} \hat{x}}{\alpha_{t|s}}"
    )


# --- the three ways to try one --------------------------------------------------------------------


def test_a_level_in_code_needs_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong, right = level("F3.3", "sigma_t**2*c"), level("F3.3", "sigma_s^2*c")
    assert repr(wrong).startswith("Exercise F3.3: not right, for example at sigma_s = ")
    assert wrong._repr_markdown_() == repr(wrong)
    assert repr(right) == "Exercise F3.3: right."
    assert right._repr_markdown_().endswith(f"$$\n\n{LEVELS['F3.3'].why}")
    assert repr(level("F3.3")) == "Level F3.3: One fraction"
    with pytest.raises(ValueError, match="^number"):
        level("F3.9")
    assert not list(tmp_path.iterdir())


def test_it_is_an_exercise_like_any_other(capsys):
    check("F3.3", "sigma_s**2*c")
    assert capsys.readouterr().out == "Exercise F3.3: right.\n"
    check("F3.3", "c")
    assert capsys.readouterr().out.endswith(
        'Hint: level("F3.3") has hints that unfold one by one.\n'
    )


def test_a_level_is_handed_in():
    call = 'check("F3.3", answer_F3_3)'
    solution = f'{IGNORE}\n{BEGIN}\nanswer_F3_3 = "sigma_s**2*c"\n{call}\n{END}'
    lesson = new_notebook(
        cells=[
            new_code_cell("from diffenc_lite.course.exercises import ask, check, play"),
            new_code_cell('ask("F3.3")'),
            new_code_cell(f"answer_F3_3 = ...\n{call}"),
            new_code_cell(solution, metadata={"tags": ["solution"]}),
        ]
    )
    assert "sigma_s" not in nbformat.writes(student_version(lesson, "l.ipynb"))
    answer, test = student_version(lesson, "l.ipynb", nbgrader=True).cells[-2:]
    names = {}
    exec(f"{lesson.cells[0].source}\n{answer.source}\n{test.source}", names)
    assert names["verdict"].right


# --- the player -----------------------------------------------------------------------------------


def press(player, *names):
    for name in names:
        player.buttons[name].click()
    return player.reply.value


def try_(player, text):
    player.field.value = text
    return press(player, "check")


def test_play_a_chain_wrong_first(tmp_path):
    player = play("W1", file=tmp_path / "p.json")
    assert "level 1 of 6, 0 solved" in player.count.value and player.bar.max == 6
    assert player.buttons["back"].disabled and not player.buttons["skip"].disabled
    assert "Type an answer first" in press(player, "check")
    assert r"You wrote \(w\): not right, for example at w = " in try_(player, "w")
    assert "cannot be read" in try_(player, "2 w")
    first, second, answer, still = (press(player, "hint") for _ in range(4))
    assert "Hint 1" in first and "Hint 2" not in first
    assert "Hint 2" in second and "Answer" not in second
    assert "Answer" in answer and still == answer
    for i, step in enumerate(player.chain.levels, 1):
        assert player.level is step
        assert f"Right. {HEADS[step.word]}: \\[" in try_(player, step.answer)
        assert player.bar.value == i and player.buttons["skip"].description == "next"
        press(player, "skip")
    assert player.buttons["skip"].disabled and player.bar.bar_style == "success"
    assert "Proved" in press(player, "back")
    assert player.field.value == player.level.answer


def test_a_formula_once_shown_is_inserted_and_the_map_lights_up():
    player = play("F3", "G3", file=None)
    player.chooser.value = 1
    assert [button.description for button in player.known.children] == ["insert F3.6"]
    player.known.children[0].click()
    assert player.field.value == LEVELS["F3.6"].answer
    dark = player.map.value
    assert "Right." in try_(player, LEVELS["G3.1"].answer)
    assert player.map.value != dark and "20%" in player.map.value
    assert ">F3<" in player.map.value and ">G3<" in player.map.value


def test_no_hint_is_the_answer():
    for number, step in LEVELS.items():
        answer = latex(step.answer)
        for hint in step.hints:
            formulas = re.findall(r"\$(.+?)\$", hint)
            parts = [part.strip() for f in formulas for part in re.split(r"=|\\approx", f)]
            bare = [re.sub(r"[{}\s]|\\,", "", part) for part in parts]
            assert re.sub(r"[{}\s]", "", answer) not in bare or len(step.answer) < 7, number


def test_hints_and_skips_never_fail():
    player = play(file=None)
    for i, chain in enumerate(player.chains):
        player.chooser.value = i
        for step in chain.levels:
            assert player.level is step
            press(player, *["hint"] * 5, "back", "skip", "skip")
            if step is chain.levels[-1]:
                break
            player.position = chain.levels.index(step) + 1
            player._show()


def test_progress_is_kept_and_taken_up(tmp_path):
    file = tmp_path / "p.json"
    player = play("G4", "E2", file=file)
    assert not file.exists()
    try_(player, "alpha_t*z_t - sigma_t*v")
    press(player, "skip", "skip")
    try_(player, "(alpha_t*z_t - x_t)/sigma_t")
    again = play("G4", file=file)
    assert set(again.solved) == {"G4.1", "G4.3"} and again.level.number == "G4.2"
    assert play("G4", file=file, anew=True).solved == {}
    assert set(read_progress(file)) == {"G4.1", "G4.3"}  # until something is solved anew
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_random_progress_goes_round(tmp_path):
    dice = random.Random(0)
    for _ in range(5):
        solved = {n: 'é"\\\n' * dice.randrange(3) for n in dice.sample(list(LEVELS), 9)}
        write_progress(tmp_path / "p.json", solved)
        assert read_progress(tmp_path / "p.json") == solved


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"solved": []}', b'{"solved": {"Z9.1": "w"}}', b"\xff",
     b'{"solved": {"W1.1": 3}}', b"[" * 10**5],
)  # fmt: skip
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, content):
    file = tmp_path / "p.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="anew"):
        play("W1", file=file)
    assert file.read_bytes() == content
    player = play("W1", file=file, anew=True)
    try_(player, player.level.answer)
    assert list(json.loads(file.read_bytes())["solved"]) == ["W1.1"]


def test_a_folder_that_takes_no_file_is_no_hindrance(tmp_path):
    (tmp_path / "file").write_text("")
    player = play("W1", file=tmp_path / "new" / "p.json")
    player.file = tmp_path / "file" / "p.json"
    assert "Right." in try_(player, player.level.answer)
    assert "Your progress is not kept: cannot write" in player.reply.value


def test_without_a_kernel_all_steps_are_folded_in_the_page(tmp_path):
    player = play("W1", file=tmp_path / "p.json")
    before = player._repr_mimebundle_()
    assert before["text/plain"] == "6 proof levels: W1. Play where a kernel runs."
    page = before["text/html"]
    assert page.count("<details>") == page.count("</details>") == 6 * 4
    for step in CHAINS["W1"].levels:
        assert f"\\[{html.escape(step.equation)}\\]" in page
        assert all(to_html(hint) in page for hint in step.hints)
    try_(player, player.level.answer)
    assert player._repr_mimebundle_()["text/html"] == page  # the same for every reader
    assert play("W1", "W2", file=None).page().count("<details>") == 12 * 4 + 2


def test_an_unknown_chain_is_refused():
    with pytest.raises(ValueError, match="^chains .*Q7"):
        play("KL", "Q7")


def test_a_near_miss_is_shown_with_the_digits_that_tell_it_from_the_answer():
    near = 1.0000000001 * ledger.notation.sigma_s**2 * ledger.notation.c
    for given in (near, "1.0000000001*sigma_s**2*c"):
        told, right = re.search(
            r"yours gives ([0-9.]+), right is (0\.[0-9]+)", said("F3.3", given)
        ).groups()
        assert float(told) / float(right) == pytest.approx(1 + 1e-10, abs=1e-13)
