"""The page for instructors: its tables hold, its examples run, its commands exist."""

import re
import shlex
from pathlib import Path

import pytest

from diffenc_lite.__main__ import parser
from diffenc_lite.course.exercises import judge

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


LESSONS = dict(re.findall(r"^\| \[(\d\d) .*/notebooks/.*\| \d \| (.*) \|$", PAGE, re.MULTILINE))


def test_every_lesson_has_a_row():
    assert [*LESSONS] == sorted(path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("weeks", (4, 8, 12))
def test_a_syllabus_has_what_a_lesson_needs_before_it(weeks):
    (plan,) = re.findall(rf"^\| {weeks} \| ([\d,; ]+) \|$", PAGE, re.MULTILINE)
    assert plan.count(";") == weeks - 1
    order = re.findall(r"\d\d", plan)
    assert len(order) == len({*order})
    for place, number in enumerate(order):
        assert {*re.findall(r"\d\d", LESSONS[number])} <= {*order[:place]}, number


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (ROOT / "docs" / target).resolve().exists(), target


def test_command_lines_are_understood():
    lines = re.findall(r"^python -m diffenc_lite (.*)$", PAGE, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        parser().parse_args(shlex.split(line, comments=True))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z]+)", PAGE, re.MULTILINE):
        assert f"\n{target}:" in makefile
    for tool in re.findall(r"\btools/\w+\.py", PAGE):
        assert (ROOT / tool).is_file()


def test_the_own_exercises_are_registered_and_judged(monkeypatch):
    monkeypatch.setattr("diffenc_lite.course.exercises.registry.EXERCISES", {})
    exec(BLOCKS[0], {})
    assert judge("A.1", lambda s_2, alpha, sigma: alpha**2 * s_2 + sigma**2).right
    assert judge("A.2", "a").right and not judge("A.2", "b").right
    assert judge("A.3", lambda x: x - x.mean(0)).right
    assert not judge("A.3", lambda x: x - x.mean(1, keepdim=True)).right


def test_the_bank_is_registered_as_the_page_says(monkeypatch):
    numbers: dict[str, object] = {}
    monkeypatch.setattr("diffenc_lite.course.exercises.registry.EXERCISES", numbers)
    exec(BLOCKS[1], {})
    assert list(numbers) == ["B.3", "B.10", "B.15"]


def test_the_start_of_the_first_assignment_runs_and_its_encoder_is_right(capsys):
    import torch

    from diffenc_lite import Noise

    example = (
        BLOCKS[2]
        .replace('"fashion-mnist"', '"bundled"')
        .replace("TrainConfig(300)", "TrainConfig(2)")
    )
    names: dict[str, object] = {}
    exec(example.replace("test[:1000]", "test[:20]"), names)
    assert "bits/dim on 20 images" in capsys.readouterr().out
    encoder = names["Shrink"]().double()
    encoder.k.data += 0.7
    x, gamma = torch.rand(4, 1, 2, 2).double(), torch.linspace(-5, 4, 4).double()
    encoding, slope = torch.func.jvp(
        lambda g: encoder(x, g).x_t, (gamma,), (torch.ones_like(gamma),)
    )
    sigma2 = Noise.from_gamma(gamma).like(x).sigma.square()
    torch.testing.assert_close(-slope, sigma2 * encoder(x, gamma).u)  # lambda = -gamma


def test_marking_schemes_add_up():
    schemes = re.findall(r"\| points \| for \|\n\|--:\|---\|\n((?:\|.*\n)+)", PAGE)
    assert [sum(int(n) for n in re.findall(r"^\| (\d+) \|", s, re.MULTILINE)) for s in schemes] == [
        20, 20, 20,
    ]  # fmt: skip
