"""An exercise as the cells that nbgrader and otter-grader want.

Both ask for the answer and a test that asserts `judge(...)`, each with an id and points. The
student's cell is the stub, as in the lesson.
"""

from __future__ import annotations

from typing import Any

from .forms import answer_name
from .registry import find

NBGRADER_CONFIG = '''\
"""Call nbgrader from the folder that holds this file: it is the course."""

c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": ""}  # the stub stands before the solution already
c.ExecutePreprocessor.timeout = 300  # seconds a cell; some cells of the lessons train a model
'''


def for_nbgrader(number: str, stub: str, solution: str, call: str) -> list[Any]:
    """The answer, with a region that nbgrader takes out, and a locked test."""
    from nbformat.v4 import new_code_cell

    def metadata(**more: Any) -> dict[str, Any]:
        return {"nbgrader": {"schema_version": 3, "task": False, **more}}

    name = answer_name(number)
    answer = f"{stub}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION\n{call}"
    return [
        new_code_cell(
            answer,
            id=name,
            metadata=metadata(grade=False, solution=True, locked=False, grade_id=name),
        ),
        new_code_cell(
            _test(number),
            id=f"test-{name}",
            metadata=metadata(
                grade=True, solution=False, locked=True, grade_id=f"test_{name}",
                points=find(number).points,
            ),
        ),
    ]  # fmt: skip


def for_otter(number: str, stub: str, solution: str, call: str) -> list[Any]:
    """A question with a solution, which otter-grader turns into the prompt, and a test."""
    from nbformat.v4 import new_code_cell, new_raw_cell

    if '"""' in stub or "\\" in stub:
        raise ValueError(f"the stub of exercise {number} must not hold quotes by three or \\")
    answer = (
        f"# BEGIN SOLUTION NO PROMPT\n{solution}\n# END SOLUTION\n"
        f'"""  # BEGIN PROMPT\n{stub}\n"""  # END PROMPT\n\n{call}'
    )
    question = f"# BEGIN QUESTION\nname: {_question(number)}\npoints: {find(number).points}\n"
    return [
        new_raw_cell(question + "check_cell: false"),
        new_raw_cell("# BEGIN SOLUTION"),
        new_code_cell(answer),
        new_raw_cell("# END SOLUTION"),
        new_raw_cell("# BEGIN TESTS"),
        new_code_cell(_test(number)),
        new_raw_cell("# END TESTS"),
        new_raw_cell("# END QUESTION"),
    ]


def otter_config(name: str) -> Any:
    """The first cell. Students need no otter-grader: `check` tells them what is right."""
    from nbformat.v4 import new_raw_cell

    return new_raw_cell(
        f"# ASSIGNMENT CONFIG\nname: {name}\ninit_cell: false\nexport_cell: false\n"
        "generate:\n  pdf: false\n  show_stdout: true\n"
    )


def _question(number: str) -> str:
    return answer_name(number).replace("answer", "q")


def _test(number: str) -> str:
    return (
        "from diffenc_lite.course.exercises import judge\n\n"
        f'verdict = judge("{number}", {answer_name(number)})\n'
        "assert verdict.right, verdict.text"
    )
