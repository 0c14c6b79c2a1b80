"""The full check of a device, each line of it that a CPU can run; and what it must notice."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import check_device as doctor
import pytest
import torch
from check_device import Finding, Row

from diffenc_lite import Evaluation
from diffenc_lite.data import load_named
from diffenc_lite.training import State

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"BATCH": 8, "SAMPLES": 2, "COMPARED": 4, "WARM_UP": 1, "TIMED": 2}.items():
        monkeypatch.setattr(doctor, name, value)


@pytest.fixture
def few_images(monkeypatch):
    def load(name, split, root, device, download):
        assert not download
        if name == "full" and root is None:
            raise FileNotFoundError("no MNIST")
        data = load_named("bundled", split, None, device)
        return replace(data, images=data.images[:40], labels=data.labels[:40])

    monkeypatch.setattr(doctor, "load_named", load)


@pytest.fixture
def subject(few_images):
    return doctor.load_subject(CPU, "tiny", 0.001, None)


def test_all_that_one_process_can_do(few_images, tmp_path, monkeypatch, capsys):
    monkeypatch.delitem(doctor.CHECKS, "torchrun")  # has a test of its own, on all images
    command = f"--device cpu --size tiny --minutes 0.001 --out {tmp_path}"
    assert doctor.main(command.split()) == 0
    assert "13 checks, 0 failed" in capsys.readouterr().out
    written = json.loads((tmp_path / "doctor.json").read_text())
    assert written["device"] == "cpu" and "mnist-bundled" in written["data"]
    for check in written["checks"]:
        assert check["passed"] and check["error"] is None and check["findings"], check
        assert all(math.isfinite(finding["value"]) for finding in check["findings"])
    names = {finding["name"] for check in written["checks"] for finding in check["findings"]}
    assert {"images/s", "ms a step of 2 images", "bits/dim", "metrics off by"} <= names
    table = (tmp_path / "doctor.md").read_text()
    assert "| speed | scaling | images/s | " in table and "failed" not in table
    assert all(line.count("|") == 5 for line in table.splitlines() if line.startswith("|"))


def test_one_process_of_torchrun():
    subject = doctor.load_subject(CPU, "tiny", 0.001, None)
    (finding,) = doctor.check_torchrun(subject, "identity")
    assert finding.passed and finding.limit == 0


def test_torchrun_tells_the_error_of_the_process(subject):
    with pytest.raises(RuntimeError, match="error: root must be a folder with MNIST"):
        list(doctor.check_torchrun(replace(subject, data="full", root="nowhere"), "identity"))


def test_without_a_device_one_line_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert doctor.main(["--out", str(tmp_path)]) == 0
    assert "no CUDA or MPS device" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# ---- a check must be able to fail ----------------------------------------------------------------


def run(subject, name, encoder="identity"):
    return doctor.run_check(doctor.CHECKS[name][0], subject, Row(name, encoder))


def test_another_network_is_noticed(subject, monkeypatch):
    right = doctor.load_pretrained

    def biased(shift):
        def load(name, device="cpu"):
            model = right(name)
            if isinstance(device, torch.device):  # that of the subject
                with torch.no_grad():
                    model.denoiser.out.bias += shift
            return model

        return load

    for check, shift in (("loss", 1e-4), ("sampling", 1e-1)):
        assert run(subject, check).passed
        with monkeypatch.context() as patch:
            patch.setattr(doctor, "load_pretrained", biased(shift))
            row = run(subject, check)
        assert row.error is None and not row.passed


def test_a_state_that_comes_back_without_its_optimiser_is_noticed(subject, monkeypatch):
    assert run(subject, "resume").passed
    right = State.load

    def forgetful(state, saved):
        fresh = state.optimizer.state_dict()
        right(state, saved)
        state.optimizer.load_state_dict(fresh)

    monkeypatch.setattr(State, "load", forgetful)
    row = run(subject, "resume")
    assert not row.passed
    assert row.findings[0].value > doctor.tolerance(torch.device("cuda"))  # there, too


def test_a_training_that_makes_it_worse_is_noticed(subject, monkeypatch):
    totals = iter([5.0, 5.1])
    worse = lambda *_, **__: Evaluation(0.0, 0.0, 0.0, next(totals), 0.1, 40)  # noqa: E731
    monkeypatch.setattr(doctor, "evaluate", worse)
    assert not run(subject, "minutes").passed


def test_not_a_number_fails(tmp_path):
    row = Row("loss", "learned", [Finding("x", math.nan, 1.0)])
    assert not row.passed
    doctor.write(tmp_path, {"name": "a device"}, [row])
    written = (tmp_path / "doctor.json").read_text()
    (check,) = json.loads(written, parse_constant=pytest.fail)["checks"]
    assert check["findings"][0]["value"] == "nan" and check["passed"] is False
    assert Finding("x", 1.0, 1.0).passed and not Finding("x", 1.1, 1.0).passed


def test_one_that_fails_is_told_and_the_others_go_on(few_images, tmp_path, monkeypatch, capsys):
    def fails(subject, encoder):
        yield Finding("so far", 1.5)
        raise RuntimeError("CUDA error: out of\nmemory")

    def passes(subject, encoder):
        yield Finding("off by", 0.5, 0.1 if encoder == "scaling" else 1.0)

    checks = {"first": (fails, ("learned",)), "second": (passes, ("identity", "scaling"))}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    command = f"--device cpu --size tiny --root {tmp_path} --out {tmp_path}"
    assert doctor.main(command.split()) == 1
    assert "3 checks, 2 failed" in capsys.readouterr().out
    table = (tmp_path / "doctor.md").read_text()
    assert "| second | scaling | 0 s | **failed** |" in table
    assert "| second | scaling | off by (at most 0.1) | **0.5** |" in table
    error = json.loads((tmp_path / "doctor.json").read_text())["checks"][0]["error"]
    assert error == "RuntimeError: CUDA error: out of memory"


# ---- what only the other devices run -------------------------------------------------------------


CUDA, MPS = torch.device("cuda", 1), torch.device("mps")


def test_a_clock_waits_for_the_device(monkeypatch):
    order = []
    clock = SimpleNamespace(perf_counter=lambda: order.append("reads") or 0.0)
    monkeypatch.setattr(doctor, "synchronize", lambda device: order.append("waits"))
    monkeypatch.setattr(doctor, "time", clock)
    doctor.clock(CUDA, lambda: order.append("works"))
    assert order == ["works", "waits", "reads", "works", "works", "waits", "reads"]


@pytest.mark.parametrize("device", [CUDA, MPS])
def test_the_checks_of_each_device(device, few_images, tmp_path, monkeypatch):
    few, ran = doctor.load_named, []
    monkeypatch.setattr(doctor, "load_named", lambda *a, **b: few(*a[:3], CPU, **b))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda given: f"name of {given}")
    monkeypatch.setattr(doctor, "run_check", lambda _, subject, row: ran.append(row.check) or row)
    assert doctor.check_device(device, tmp_path, "tiny", 5.0)
    assert set(doctor.CHECKS) - set(ran) == (set() if device == CUDA else {"torchrun"})
    assert ("name of cuda:1" in (tmp_path / "doctor.md").read_text()) is (device == CUDA)


def test_mps_has_no_float64(subject, monkeypatch):
    load, dtypes = doctor.load_pretrained, []
    monkeypatch.setattr(doctor, "load_pretrained", lambda name, device="cpu": load(name))
    monkeypatch.setattr(
        doctor, "sample",
        lambda model, *_, **__: dtypes.append(model.dtype) or torch.zeros(1, dtype=torch.uint8),
    )  # fmt: skip
    subject = replace(subject, device=MPS)
    names = [finding.name for finding in doctor.check_loss(subject, "identity")]
    assert names and not any("float64" in name for name in names)
    next(doctor.check_sampling(subject, "identity"))
    assert dtypes == [torch.float32] * 2
