"""The lab of lesson 15: its solutions, near misses of them in the words of `check`, its file."""

import linecache
import runpy
from functools import partial

import nbformat
import pytest
import torch
from draws import NOTEBOOKS

from diffenc_lite.course.exercises import (
    EXERCISES,
    check,
    checking,
    collect,
    judge,
    lab,
    own,
    take,
    whose,
)
from diffenc_lite.course.exercises.forms import answer_name
from diffenc_lite.course.exercises.student import _parts, is_solution

(LAB,) = [path for path in NOTEBOOKS if path.stem.startswith("15_")]
CELLS = nbformat.read(LAB, 4).cells
PARTS = [_parts(CELLS, i, LAB.name) for i, cell in enumerate(CELLS) if is_solution(cell)]
PIECES = {part.number: part.solution for part in PARTS}
IMPORTS = "\n".join(c.source for c in CELLS if c.id == "w15-02")
NAMES = "noise_at turn Net bills descend sampler encoded ratios OwnEncoder".split()


def built(number, *edits):
    source = PIECES[number]
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        assert old in source
        source = source.replace(old, new)
    names = {"__name__": "lab"}
    exec(f"{own.HEAD}\n{IMPORTS}\n{source}", names)
    return names[answer_name(number)]


@pytest.mark.parametrize("number", PIECES)
def test_a_solution_and_the_library_are_right_and_a_stub_is_open(number):
    assert judge(number, built(number)).right
    assert judge(number, EXERCISES[number].answer).right
    assert "not yet answered" in judge(number, lambda *given, **more: None).text


ANEW = "\n        optimizer = torch.optim.AdamW(net.parameters(), 0.004)\n        value = loss"
QUOTIENT = "y(x, gamma), (y(x, gamma + 1e-3) - y(x, gamma - 1e-3)) / 2e-3"
JVP = "torch.func.jvp(lambda g: y(x, g), (gamma,), (torch.ones_like(gamma),))"


@pytest.mark.parametrize(
    "number, edits, words",
    [
        ("15.1", ("256 / levels", "256 / 17"), "this is the end for 17 levels"),
        ("15.1", ("2 * math.log", "math.log"), "gamma is "),
        ("15.1", ("2 * math.log", "math.log"), ", levels = "),  # the inputs, if they are small
        ("15.2", ("(-1 if back else 1)", "1"), "with back=True sigma changes its sign"),
        ("15.2", ("alpha * b - sigma", "alpha * b - back * sigma"), "v is "),
        ("15.3", ("gamma[:, None]", "0 * gamma[:, None]"), "does not depend on gamma"),
        ("15.4", (".square().sum(1)", ".square().mean(1)"), "diffusion: off by a factor of 1/64"),
        ("15.4", ("- 1 - 2 * sigmas[1].log()", "- 1 - sigmas[1].log()"), "and this has ln sigma_1"),
        ("15.4", ("- 1 - 2 *", "- 2 - 2 *"), "prior: off by the constant -32"),
        ("15.4", ("(v - net", "(eps - net"), "predicts v, not eps"),
        (
            "15.4",
            (
                "to_x(levels), n",
                "to_x(levels) - 1 / 17, n",
                "to_x(torch.arange(17))",
                "(to_x(torch.arange(17)) - 1 / 17)",
            ),
            "middle of a level",
        ),
        ("15.4", ("ends[:1])[0]", "ends[0][:, None])[0]"), "`turn` takes gamma (1,)"),
        ("15.4", ("alphas[1] * x", "alphas[0] * x"), "prior is "),
        ("15.5", ("        optimizer.zero_grad()\n", ""), "`zero_grad` in every update"),
        ("15.5", ("0.004", "0.4"), "an update moves a weight by 0.12"),
        ("15.5", ("0.004", "4e-6"), "the loss hardly falls"),
        ("15.5", ("\n        value = loss", ANEW, "        rate.step()\n", ""), "make it once"),
        ("15.4", ("alpha**2 * ", ""), "lacks alpha^2"),
        ("15.4", ("alpha**2 * ", "alpha**3 * "), "Hint: diffusion: "),
        ("15.4", ("torch.arange(17)", "torch.unique(levels)"), "reconstruction is "),
        ("15.4", ("return prior", "prior"), "its `return` is missing"),
        ("15.6", (" * c * x_hat", " * x_hat"), "the mean lacks c"),
        ("15.6", (" * c.sqrt()", ""), "the variance lacks c"),
        ("15.6", ("sigma_s * c.sqrt()", "sigma_t * c.sqrt()"), "sigma_s^2 c, and this has sigma_t"),
        ("15.6", ("alpha_s * c", "alpha_t * c"), "the factor of x_hat is "),
        ("15.6", ("linspace(1, 0", "linspace(0, 1"), "it starts at t = 0; start at t = 1"),
        ("15.6", ("g_t.expand(len(z))", "g_s.expand(len(z))"), "the gamma of t, not of s"),
        ("15.6", ("* eps", "* noise[0]"), "and this has noise[0] in all"),
        ("15.6", ("moves * alpha_s", "moves"), "the new term lacks alpha_s"),
        ("15.6", ("moves * alpha_s", "alpha_s"), "there without moves"),
        ("15.7", (JVP, QUOTIENT), "by jvp; no differences, no sums"),
        ("15.7", ("- slope", "+ slope"), "the derivative has the other sign"),
        ("15.7", ("(y_t - x)", "(y_t + x)"), "with y = 0 the loss is "),
        ("15.7", ("x_t - y_t", "x - y_t"), "u starts from x_t"),
        ("15.7", ("x + sigma[:, None] ** 2", "x + sigma[:, None]"), "and this has sigma_t"),
        ("15.7", ("x + sigma[:, None] ** 2", "x + alpha[:, None] ** 2"), "x and y are exchanged"),
        ("15.7", ("turn(x_t", "turn(x"), "z and v come from x_t"),
        ("15.7", ("- sigma[:, None] *", "+ sigma[:, None] *"), "and this has a plus"),
        ("15.7", ("- sigma[:, None] *", "- sigma[:, None] ** 2 *"), "and this has sigma_t^2"),
        ("15.7", ("(u - x_hat)", "(u - x)"), "u_hat is x_hat, and this has x"),
        ("15.8", ("m.log1p()", "torch.log2(1 + m)"), "the sum with w*: off by a factor of 1/ln 2"),
        ("15.8", ("alpha_s *", "alpha_s**9 *"), "w is "),
        ("15.8", (" m.sum(), x", " m.mean(), x", "1p().sum", "1p().mean"), "mean over steps"),
        ("15.8", ("m.log1p().sum()", "m.sum().log1p()"), "this is that of the sum"),
        ("15.8", ("alpha_s *", ""), "w is "),
        ("15.8", ("alpha_s * -torch.expm1(g_s - g_t)", "alpha_s"), "gap lacks c"),
        ("15.8", ("(sigma_s**2 * -torch", "(sigma_s**2 * torch"), "w must lie in (0, 1)"),
        ("15.9", ("return x +", "return"), "must start as y = x"),
        ("15.9", ("return x + share", "return x + self.picture * share"), "let only one of two"),
        ("15.9", ("gamma / 10", "gamma.detach() / 10"), "y jumps, or its gamma is detached"),
        (
            "15.9",
            ("(self.picture", "(x.mean(0) + self.picture"),
            "changes with the other images of the batch",
        ),
    ],
)
def test_a_near_miss_is_told_what_is_wrong(number, edits, words):
    verdict = judge(number, built(number, *edits))
    assert not verdict.right and words in verdict.text


def test_one_truth_of_whose_a_piece_is_and_a_file_without_notebook(tmp_path):
    """Of cells as a kernel keeps them: the first is skipped, the second is a solution."""
    pieces = {"noise_at": EXERCISES["15.1"].answer}
    for number, name in zip(list(PIECES)[1:], NAMES[1:], strict=True):
        cell = f'{PIECES[number]}\n\n\ncheck("{number}", {answer_name(number)})\n'
        if number == "15.2":
            cell = f"# Ignore this cell\n### BEGIN SOLUTION\n{cell}### END SOLUTION"
        linecache.cache[f"cell {number}"] = (len(cell), None, cell.splitlines(True), name)
        names = {"check": lambda *given: None}
        exec(own.HEAD, names)
        exec(compile(cell, f"cell {number}", "exec"), names)
        pieces[name] = names[answer_name(number)]
    told = [whose(f"15.{k}", piece) for k, piece in enumerate(pieces.values(), 1)]
    assert told == ["the library's", "the solution's", *["yours"] * 7]
    file = collect(tmp_path / "mine.py", pieces)
    text = file.read_text(encoding="utf-8")
    assert "answer_" not in text and "check(" not in text and "SOLUTION" not in text
    alone = runpy.run_path(str(file))
    assert alone["noise_at"] is pieces["noise_at"]
    levels, t = torch.randint(17, (5, 64)).byte(), torch.rand(5)
    given = alone["Net"](), levels, t, *torch.randn(2, 5, 64)
    for found, right in zip(alone["bills"](*given), EXERCISES["15.4"].answer(*given), strict=True):
        torch.testing.assert_close(found, right, rtol=1e-3, atol=1e-3)


def test_a_solution_replaces_no_right_answer_and_a_file_says_what_it_lacks(tmp_path, capsys):
    piece = PIECES["15.1"].replace("-13.3", "-SCALE")
    names = {"SCALE": 13.3}
    exec(own.HEAD, names)
    for file, cell in (("mine", piece), ("theirs", f"### BEGIN SOLUTION\n{piece}")):
        linecache.cache[file] = (len(cell), None, cell.splitlines(True), file)
        exec(compile(cell, file, "exec"), names)
        check("15.1", names["answer_15_1"])
        names[file] = names["answer_15_1"]
    assert take("15.1", names["theirs"]) is names["mine"]
    collect(tmp_path / "mine.py", {"noise_at": names["mine"]})
    assert capsys.readouterr().out.endswith("noise_at needs SCALE, which is not in its cell\n")
    checking.RIGHT.clear()
    assert take("15.1", names["theirs"]) is names["theirs"]


# --- marks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", PIECES)
def test_a_piece_of_the_library_in_a_wrapping_earns_nothing(number):
    piece = EXERCISES[number].answer
    wrappings = [partial(piece), lambda *given, **more: piece(*given, **more)]
    if not isinstance(piece, type) and number != "15.5":  # of a generator that hides it
        wrappings += [torch.enable_grad()(piece), lambda *given: torch.enable_grad()(piece)(*given)]
    for wrapped in wrappings:
        assert not lab.mark(number, wrapped, {}, 1).right, wrapped


def test_what_a_piece_calls_is_put_right_before_it_is_marked(monkeypatch):
    names = {"turn": 0.5, "chain": [1, 2], "own": 3}
    exec(PIECES["15.6"], names)
    before = {"noise_at": EXERCISES["15.1"].answer, "turn": EXERCISES["15.2"].answer}
    monkeypatch.setattr(own, "TAKEN", before)
    with torch.set_grad_enabled(False):
        assert lab.mark("15.6", names["answer_15_6"], names, 1).right
        assert not torch.is_grad_enabled()
    assert names["turn"] is before["turn"] and names["own"] == 3
