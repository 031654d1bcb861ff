"""What runs will find in their sandbox is tried before anything is spent."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import GOOD, Bench

from ai_scientist import inside, launch, planning
from ai_scientist.errors import MachineError
from ai_scientist.flags import parse
from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.bubblewrap import Bubblewrap
from ai_scientist.sandbox.choose import choose
from ai_scientist.sandbox.landlock import Landlock
from ai_scientist.study.events import Setup


@pytest.fixture
def setup(bench: Bench) -> Setup:
    flags = parse(["--idea", "learning_rate", "--recording", str(bench.record(GOOD)), "--templates-dir", "templates"])
    return planning.plan(flags, *launch.find("learning_rate", launch.templates(flags)))


def _python(bench: Bench, body: str) -> str:
    """An interpreter that does as `body`, a shell script, says when it tries torch."""
    path = bench.root / "my_python"
    asked = "*'else \"cpu\"'*"  # the trial, and not the probe of the machine
    path.write_text(f'#!/bin/sh\ncase "$*" in {asked}) {body} ;; *) exec {sys.executable} "$@" ;; esac\n')
    path.chmod(0o755)
    return str(path)


def _torch(bench: Bench) -> Path:
    experiment = bench.template / "experiment.py"
    experiment.write_text("import torch\n" + experiment.read_text())
    return experiment


def test_device_that_runs_would_not_see_is_said(bench: Bench, setup: Setup) -> None:
    with pytest.raises(MachineError, match=r"would not see NVIDIA H100: in the sandbox .* torch finds cpu"):
        inside.verify(replace(setup, device="NVIDIA H100"), choose(allow_none=False), bench.template / "experiment.py")


def test_torch_that_works_is_found(bench: Bench, setup: Setup) -> None:
    inside.verify(setup, choose(allow_none=False), _torch(bench))


def test_torch_that_does_not_work_is_said_before_a_study_begins(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    _torch(bench)
    python = _python(bench, "echo 'ImportError: libcudart.so is missing' >&2; exit 1")
    assert bench.study(GOOD, "--python", python, "--no-sandbox") == 1
    assert "cannot use torch in the sandbox (none): ImportError: libcudart.so is missing" in capsys.readouterr().err
    assert not list(bench.results.glob("tiny/*"))


def test_experiment_without_torch_needs_none(bench: Bench) -> None:
    python = _python(bench, "exit 1")
    assert bench.study(GOOD, "--python", python, "--no-sandbox", "--max-runs", "2") == 0


def test_device_files_of_a_gpu_are_passed_on_where_a_run_was_given_one() -> None:
    """Their list alone can be checked without a GPU."""
    with_gpu = Confinement((), (Path("/tmp/own"),), (), "", Path("/tmp"), Path("/tmp"), gpu=True)
    words = " ".join(Bubblewrap().wrap(["true"], with_gpu))
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm", "dri", "kfd", "dxg"):
        assert f"--dev-bind-try /dev/{name} /dev/{name}" in words
    assert words.index("--dev /dev") < words.index("--dev-bind-try")
    assert "--ro-bind /sys /sys" in words
    rules = " ".join(Landlock().wrap(["true"], with_gpu))
    assert '"/dev/nvidia0"' in rules
    assert '"/proc/driver"' in rules
    assert "nvidia" not in " ".join(Bubblewrap().wrap(["true"], replace(with_gpu, gpu=False)))
    assert "nvidia" not in " ".join(Landlock().wrap(["true"], replace(with_gpu, gpu=False)))
