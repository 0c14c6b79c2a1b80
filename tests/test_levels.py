"""Proof levels: derived a second time, chained, judged, played, kept, handed in."""

import html
import json
import re

import pytest
import sympy as sp
from by_hand.levels import DERIVATIONS, as_expression, near_misses, uses

from diffenc_lite.course import ledger
from diffenc_lite.course.exercises import EXERCISES, judge, level, play, writing
from diffenc_lite.course.exercises.levels import CHAINS, LEVELS, as_latex, to_html
from diffenc_lite.course.exercises.player import read_progress


def said(number, answer) -> str:
    verdict = judge(number, answer)
    assert verdict.right == verdict.text.endswith(": right.")
    return verdict.text.removeprefix(f"Exercise {number}: ")


# --- the mathematics ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", LEVELS)
def test_each_level_follows_from_what_it_uses(number):
    numbers = list(LEVELS)
    assert list(LEVELS[number].uses) == uses(number)
    assert all(numbers.index(used) < numbers.index(number) for used in uses(number))
    assert said(number, LEVELS[number].answer) == "right."
    assert said(number, DERIVATIONS[number](*map(as_expression, uses(number)))) == "right."


def test_levels_ask_for_lines_of_the_ledger_and_say_its_words():
    assert set(LEVELS) < set(EXERCISES)
    lines = {number: step.line.split(".") for number, step in LEVELS.items() if step.line}
    assert {number.partition(".")[0] for number in lines} == set(CHAINS)
    for number, (tag, entry) in lines.items():
        row = ledger.LEDGER[tag]
        if entry in row.claim:
            assert LEVELS[number].word == row.words[entry], number


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
    for given in near_misses(number):
        text = said(number, given)
        if LEVELS[number].form.leading and "keep the leading power" in text:
            continue  # right in that power, and more than it
        assert text.startswith(("not right, for example at ", "not right: ")), given


# --- what the machine says ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, words",
    [
        ("w", "not right, for example at w = 2.8, delta = 1.8, sigma_Q = 2.7"),
        ("log(w - 3)", "yours gives no real value"),
        ("(" * 300 + "w", "it cannot be read as a formula"),
        ("w" * 501, "it is longer than"),
        ("1/(w - w)", "it is not finite and real"),
        ("sqrt(-w)", "it is not finite and real"),
        ("1e999", "cannot be part of a formula here"),
        ("9**9**9", "the power 9 ** 9 is too high"),
        ("sigma_t*w + foo", "foo, sigma_t are not names of this exercise"),
        ("w.real", "cannot be part of a formula here"),
        ("__import__('os').getcwd()", "reads as a function"),
        (None, "not yet answered"),
        ([1], "this is an object of type list"),
        (sp.Symbol("y"), "y is not a name of this exercise"),
        (sp.sin(sp.Symbol("w")), "sin cannot be part of it"),
        (float("inf"), "it is not finite and real"),
        (2, "not right, for example at"),
    ],
)
def test_every_try_gets_a_reply(answer, words):
    assert words in said("L2.1", answer)


@pytest.mark.parametrize(
    "number, answer, meant",
    [
        ("F3.3", "sigma_s^2c", "sigma_s^2*c"),
        ("F3.3", "sigmas^2*c", "sigma_s"),
        ("F3.3", "sigma_s^2*C", "c"),
        ("W1.5", "d/2 Log(1 + m)", "d/2*log(1 + m)"),
        ("E2.1", "alpha_t^2(1-alpha_t^2)", "alpha_t^2*(1-alpha_t^2)"),
        ("G3.2", "Delta*sigmat^2*u", "sigma_t"),
        ("L2.1", "log w - 1", "log(w) - 1"),
    ],
)
def test_a_slip_of_the_keyboard_is_understood(number, answer, meant):
    assert f"; did you mean {meant}? Expected: " in said(number, answer)
    assert "did you mean" not in said("F3.3", "sigma_Q^2")  # sigma_s or sigma_t?
    for nonsense in ("sin(c)", "log^2(c)", "f c", "log c*x"):  # nothing of these names is meant
        assert "did you mean" not in said("F3.3", nonsense), nonsense


def test_what_algebra_cannot_show_is_undecided_not_right():
    text = LEVELS["L2.1"].answer
    reply = said("L2.1", f"{text} + exp(w*log(w)) - w**w")
    assert reply.startswith("could not decide: it agrees at every point that was tried")


@pytest.mark.parametrize(
    "number, answer",
    [
        ("L3.3", "(exp(Delta) - 1)/2*(epsilon - epsilonhat)**2"),
        ("L4.3", "1 - exp(-Delta)"),
        ("W2.3", "kappa*h - log(1 + kappa*h)"),
    ],
)
def test_an_exact_answer_where_a_limit_is_asked_for_is_told_as_such(number, answer):
    assert said(number, answer).startswith("exact, or nearly so: keep the leading power of ")
    assert "not right" in said(number, f"1.001*({answer})")


def test_typed_text_and_its_formula_agree():
    symbols = {n: sp.Symbol(n, positive=True) for n in "ab"}
    for text, shown in {
        "a - (b - 1)": r"a - \left(b - 1\right)",
        "(a + b)*(a - -b)": r"\left(a + b\right) \left(a + b\right)",
        "(-a)**2*(-b)": r"\left(- a\right)^{2} \left(- b\right)",
        "(a*b)**2/a": r"\frac{\left(a b\right)^{2}}{a}",
        "a**(b/2)*3": r"a^{\frac{b}{2}} \cdot 3",
    }.items():
        tree = writing.read(text)
        assert as_latex(text) == shown
        expected = sp.sympify(text, locals=symbols)
        assert sp.simplify(writing.to_sympy(tree, symbols) - expected) == 0
    shown = r"\frac{{\gamma'_t}^{2} \hat{x}}{\alpha_{t|s}}"
    assert as_latex("gammaprime_t**2*xhat/alpha_ts") == shown


def test_a_level_in_code_needs_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong, right = level("F3.3", "sigma_t**2*c"), level("F3.3", "sigma_s^2*c")
    assert "not right" in repr(wrong) and repr(right) == "Exercise F3.3: right."
    assert LEVELS["F3.3"].why in right._repr_markdown_()
    with pytest.raises(ValueError, match="^number"):
        level("F3.9")
    assert not list(tmp_path.iterdir())


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
    assert "not right, for example at w = " in try_(player, "w")
    assert "cannot be read" in try_(player, "2 w")
    first, second, answer, still = (press(player, "hint") for _ in range(4))
    assert "Hint 1" in first and "Hint 2" not in first
    assert "Hint 2" in second and "Answer" not in second
    assert "Answer" in answer and still == answer
    for i, step in enumerate(player.chain.levels, 1):
        assert player.level is step
        assert f"Right. {step.head}: \\[" in try_(player, step.answer)
        assert player.bar.value == i
        press(player, "skip")
    press(player, "back")
    assert player.field.value == player.level.answer


def test_a_formula_once_shown_is_inserted_and_the_map_lights_up():
    player = play("F3", "G3", file=None)
    player.chooser.value = 1
    assert [button.description for button in player.known.children] == ["insert F3.6"]
    player.known.children[0].click()
    assert player.field.value == LEVELS["F3.6"].answer
    dark = player.map.value
    assert "Right." in try_(player, LEVELS["G3.1"].answer)
    assert player.map.value != dark


def test_no_hint_is_the_answer():
    for number, step in LEVELS.items():
        answer = as_latex(step.answer)
        for hint in step.hints:
            formulas = re.findall(r"\$(.+?)\$", hint)
            parts = [part.strip() for f in formulas for part in re.split(r"=|\\approx", f)]
            bare = [re.sub(r"[{}\s]|\\,", "", part) for part in parts]
            assert re.sub(r"[{}\s]", "", answer) not in bare or len(step.answer) < 7, number


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


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"solved": {"Z9.1": "w"}}', b"\xff", b'{"solved": {"W1.1": 3}}', b"[" * 10**5],
)
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
    page = before["text/html"]
    for step in CHAINS["W1"].levels:
        assert f"\\[{html.escape(step.equation)}\\]" in page
        assert all(to_html(hint) in page for hint in step.hints)
    try_(player, player.level.answer)
    assert player._repr_mimebundle_()["text/html"] == page  # the same for every reader
