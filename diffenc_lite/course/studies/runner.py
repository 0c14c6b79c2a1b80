"""Run the jobs of a study: all that are missing, or one of them.

    python -m diffenc_lite study toys runs/toys
    python -m diffenc_lite study toys runs/toys --job 3

Each job that is done has a file in the folder. The first command runs the others, one after the
other, and then writes results.json with the rows of all jobs and results.npz with their arrays, if
they have any. The second runs the job with that number only, so that a scheduler can share jobs
out; the first command then gathers their results.
"""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ...files import PathLike, write_whole
from . import budgets, file_sizes, mnist_ratio, ratio_samples, rivals, toys
from .study import Job, Options, Results, Study, load_arrays, read_results

STUDIES = {
    "toys": toys.STUDY,
    "mnist_ratio": mnist_ratio.STUDY,
    "ratio_samples": ratio_samples.STUDY,
    "rivals": rivals.STUDY,
    "budgets": budgets.STUDY,
    "file_sizes": file_sizes.STUDY,
}
COUNTS = ("seeds", "jobs")  # budgets that only set the number of jobs


def find_study(name: str) -> Study:
    """The study of that name. Raises ValueError if there is none."""
    if name not in STUDIES:
        raise ValueError(f"name must be one of {', '.join(STUDIES)}; got {name!r}")
    return STUDIES[name]


def run_jobs(name: str, folder: PathLike, options: Options, job: int | None = None) -> Path:
    """Run the jobs that are not done and write results.json; or run one job, by its number.

    Returns the path of results.json, or of the file of that job. Raises ValueError for another
    name or number, or if the folder has jobs of another study or another budget (but `seeds` and
    `jobs` may be raised later in the same folder); and what a job raises.
    """
    study, folder = find_study(name), Path(folder)
    options = replace(options, folder=folder)
    jobs, budget = study.jobs(options), dict(options.budget)
    if job is not None and not 0 <= job < len(jobs):
        raise ValueError(f"job must be in 0..{len(jobs) - 1}; got {job}")
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"study": name, "budget": {k: n for k, n in budget.items() if k not in COUNTS}}
    files = [folder / f"{_title(listed)}.json" for listed in jobs]
    for k in tqdm(range(len(jobs)) if job is None else [job], unit="job"):
        if not _done(files[k], settings):
            results = study.run(jobs[k], options)
            if not isinstance(results, Results):
                results = Results(results if isinstance(results, list) else [results], {})
            head = {"settings": settings, "job": jobs[k], "arrays": list(results.arrays)}
            _write(files[k], head, results)
    if job is not None:
        return files[job]
    numbers = "".join(f" {key}={number}" for key, number in budget.items())
    command = f"python -m diffenc_lite study {name} FOLDER{' --budget' if budget else ''}{numbers}"
    _write(folder / "results.json", {**settings, "budget": budget, "command": command},
           _gathered(files))  # fmt: skip
    return folder / "results.json"


def _gathered(files: list[Path]) -> Results:
    """The rows and arrays of all jobs."""
    gathered = Results([], {})
    for file in files:
        content = read_results(file)
        gathered.rows.extend(content["rows"])
        arrays = load_arrays(file) if content["arrays"] else {}
        if twice := sorted(gathered.arrays.keys() & arrays.keys()):
            raise ValueError(f"arrays of two jobs must differ in name; got {twice} twice")
        gathered.arrays.update(arrays)
    return gathered


def _title(job: Job) -> str:
    """The name of the job's file: seed=0, encoder="learned" -> seed-0_encoder-learned"""
    return re.sub(r"[^\w.-]+", "-", "_".join(f"{name}-{value}" for name, value in job.items()))


def _done(file: Path, settings: dict[str, Any]) -> bool:
    if not file.exists():
        return False
    there = read_results(file)["settings"]
    if there != settings:
        raise ValueError(
            f"folder must have no jobs with other settings than {settings}; {file} has {there}. "
            "Give another folder"
        )
    return True


def _write(file: Path, head: dict[str, Any], results: Results) -> None:
    """Arrays as npz, then head and rows as JSON. So if the JSON is there, the npz is complete."""
    if results.arrays:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **results.arrays)  # type: ignore[arg-type]
        write_whole(file.with_suffix(".npz"), buffer.getvalue())
    text = json.dumps(head, indent=1).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(row) for row in results.rows)  # easy to compare
    write_whole(file, f'{text},\n "rows": [\n{lines}\n ]\n}}\n'.encode())
