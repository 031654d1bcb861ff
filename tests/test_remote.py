"""Runs that travel: what goes, what comes back and what does not, and what a lost job means. No cluster is needed.

Real clusters: test_cluster.py.
"""

import contextlib
import io
import os
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import SILENT, Bench, processes_in, wait_for
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ai_scientist.errors import MachineError
from ai_scientist.executors.cluster import ClusterExecutor, JobLost, look
from ai_scientist.executors.remote import Returned, receive
from ai_scientist.executors.slurm_executor import SlurmCalls
from ai_scientist.lab import Command, Engine, Exit, JobId, Limits, Task
from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.choose import choose
from ai_scientist.study.events import Setup
from ai_scientist.study.execution import bound
from ai_scientist.study.journal import read_journal

ROOT = Path(__file__).parent.parent
NOTHING = lambda _=None: None  # noqa: E731
ENGINE = Engine("slurm")


class Here:
    """A cluster of this process alone, that loses its first jobs, each for one of these reasons."""

    def __init__(self, *lost: str) -> None:
        self._lost = list(lost)

    def call(
        self,
        place: Path,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        seconds: float,
        started: Callable[[JobId], None],
        output: Callable[[str], None],
        heed: Callable[[], None],
    ) -> Any:
        started(JobId("slurm", f"job-{len(self._lost)}", str(place)))
        if self._lost and (why := self._lost.pop()):
            raise JobLost(why)
        return function(*arguments, output, heed)


def study(root: Path, program: str, variables: dict[str, str] | None = None) -> Command:
    """A command of a study folder with this experiment.py, as a study makes it."""
    root.mkdir()
    (root / "experiment.py").write_text(program)
    (root / "data").mkdir()
    (root / "data" / "numbers.txt").write_text("1 2 3")
    out = root / "run_1"
    visible = (root / "experiment.py", root / "data")
    out.mkdir()
    confinement = Confinement(visible, (out,), (), sys.executable, root, root)
    task = Task(("experiment.py", "--out_dir=run_1"), variables or {}, confinement, sandboxed=True)
    return bound(task, choose(allow_none=False))


FILLS = """
import os, sys
print("hello", os.environ["OWN"], os.environ["OMP_NUM_THREADS"], open("data/numbers.txt").read(), flush=True)
os.makedirs("run_1/deep/er")
open("run_1/deep/er/result", "w").write("42")
os.symlink("/etc/passwd", "run_1/link")
os.symlink("/etc", "run_1/folder")
os.mkfifo("run_1/pipe")
os.makedirs("run_1/.git")
print("odd", file=sys.stderr)
sys.exit(3)
"""


def test_run_comes_back_with_its_files_and_without_links_and_special_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command = study(tmp_path / "study", FILLS, {"OWN": "variable"})
    lines: list[str] = []
    executor = ClusterExecutor(Here(), replace(ENGINE, cpus=1))
    done = executor.run(command, Limits(60), NOTHING, lines.append)
    assert (done.reason, done.code) == ("exited", 3)
    assert lines == ["hello variable 1 1 2 3"]
    out = tmp_path / "study" / "run_1"
    assert {str(path.relative_to(out)) for path in out.rglob("*")} == {
        *("stdout.log", "stderr.log", "deep", "deep/er", "deep/er/result", ".git")
    }
    assert (out / "stderr.log").read_text() == "odd\n"
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_run_sees_nothing_of_the_other_machine(tmp_path: Path) -> None:
    program = "import os, pathlib\nprint(sorted(os.listdir('.')), pathlib.Path(os.environ['SECRET']).exists())"
    (tmp_path / "secret").touch()
    command = study(tmp_path / "study", program, {"SECRET": str(tmp_path / "secret")})
    lines: list[str] = []
    ClusterExecutor(Here(), ENGINE).run(command, Limits(60), NOTHING, lines.append)
    assert lines == ["['data', 'experiment.py', 'run_1'] False"]


def test_time_and_memory_of_a_run_are_limited_there(tmp_path: Path) -> None:
    executor = ClusterExecutor(Here(), ENGINE)
    late = executor.run(study(tmp_path / "late", "while True: pass"), Limits(1), NOTHING, NOTHING)
    assert late.reason == "timed_out"
    large = study(tmp_path / "large", "import time\nx = b'x' * 10**9\ntime.sleep(60)")
    done = executor.run(large, Limits(60, memory_bytes=10**8), NOTHING, NOTHING)
    assert (done.reason, done.code) != ("exited", 0)  # the kernel refuses it, or it is seen to be too large
    assert (tmp_path / "large" / "run_1" / "stdout.log").is_file()


def test_jobs_own_limit_of_time_ends_the_run_in_time(tmp_path: Path) -> None:
    program = "import os, time\ntime.sleep(100)"
    engine = replace(ENGINE, options=(("time", "2"),))  # two minutes, all of them needed to bring a folder back
    assert ClusterExecutor(Here(), engine).run(study(tmp_path / "s", program), Limits(99), NOTHING, NOTHING).reason == (
        "timed_out"
    )


def test_lost_jobs_are_sent_again_three_at_most_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    jobs: list[object] = []
    command = replace(study(tmp_path / "study", "print(1)"), say=said.append)
    done = ClusterExecutor(Here("power cut", "flood"), ENGINE).run(command, Limits(60), jobs.append, NOTHING)
    assert (done.reason, done.code, len(set(jobs))) == ("exited", 0, 3)
    assert [text.rpartition(": ")[2] for text in said] == ["flood", "power cut"]
    with pytest.raises(MachineError, match="lost 3 jobs in a row, the last so: a"):
        ClusterExecutor(Here("a", "b", "c"), ENGINE).run(command, Limits(60), NOTHING, NOTHING)


@pytest.mark.parametrize("returned", [None, {}, Returned(Exit("exited", 0, 1.0), b""), "an empty success"])
def test_result_that_is_none_is_a_lost_job_and_never_a_run(returned: object, tmp_path: Path) -> None:
    class Empty(Here):
        def call(self, *_: Any) -> Any:
            return returned

    command = study(tmp_path / "study", "print(1)")
    with pytest.raises(MachineError, match="lost 3 jobs"):
        ClusterExecutor(Empty(), ENGINE).run(command, Limits(60), NOTHING, NOTHING)


def archive(*members: tuple[str, bytes, str]) -> bytes:
    """A tar archive of (name, kind, what it leads to or holds)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name, kind, content in (("stdout.log", tarfile.REGTYPE, ""), ("stderr.log", tarfile.REGTYPE, ""), *members):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, content if kind != tarfile.REGTYPE else ""
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            file.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        archive(("../outside", tarfile.REGTYPE, "x")),
        archive(("/tmp/../outside", tarfile.REGTYPE, "x")),
        archive(("a/" * 70 + "b", tarfile.REGTYPE, "x")),
        archive(("way", tarfile.SYMTYPE, ".."), ("way/outside", tarfile.REGTYPE, "x")),
        archive(("stdout.log", tarfile.REGTYPE, "twice")),
    ],
)
def test_archive_that_leads_elsewhere_is_refused(content: bytes, tmp_path: Path) -> None:
    command = study(tmp_path / "study", "")
    before = sorted(path for path in tmp_path.rglob("*") if "run_1" not in path.parts)
    with pytest.raises(MachineError):
        receive(Returned(Exit("exited", 0, 1.0), content), command)
    assert sorted(path for path in tmp_path.rglob("*") if "run_1" not in path.parts) == before


def test_links_and_devices_of_an_archive_are_left_out(tmp_path: Path) -> None:
    command = study(tmp_path / "study", "")
    members = ("link", tarfile.SYMTYPE, "/etc/passwd"), ("hard", tarfile.LNKTYPE, "stdout.log")
    receive(Returned(Exit("exited", 0, 1.0), archive(*members, ("null", tarfile.CHRTYPE, ""))), command)
    left = list((tmp_path / "study" / "run_1").iterdir())
    assert sorted(path.name for path in left) == ["stderr.log", "stdout.log"]
    assert all(stat.S_ISREG(path.lstat().st_mode) for path in left)


@given(noise=st.binary(max_size=2000), at=st.integers(0, 3000))
def test_damaged_archive_is_an_error_of_the_machine(noise: bytes, at: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        out.mkdir()
        command = Command((), out, {}, out / "stdout.log", out / "stderr.log", (out,))
        whole = archive(("metrics", tarfile.REGTYPE, "42"))
        with contextlib.suppress(MachineError):
            receive(Returned(Exit("exited", 0, 1.0), whole[:at] + noise + whole[at + len(noise) :]), command)
        assert [path.name for path in Path(place).iterdir()] == ["out"]


def test_machine_without_what_a_run_needs_is_named(tmp_path: Path) -> None:
    command = study(tmp_path / "study", "print(1)")
    task = replace(command.task, confinement=replace(command.task.confinement, readable=(Path("/no/such/data"),)))
    with pytest.raises(MachineError, match=f"{socket.gethostname()} has no /no/such/data"):
        ClusterExecutor(Here(), ENGINE).run(replace(command, task=task), Limits(60), NOTHING, NOTHING)


def test_what_killed_runs_left_on_a_machine_goes_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "ai-scientist-run-left"
    (left / "study").mkdir(parents=True)
    (left / "lock").touch()
    ClusterExecutor(Here(), ENGINE).run(study(tmp_path / "study", "print(1)"), Limits(60), NOTHING, NOTHING)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_node_says_what_runs_will_find() -> None:
    node = look(sys.executable, True, False, NOTHING, NOTHING)
    assert (node.problem, node.sandbox) == ("", choose(allow_none=False).name)
    assert node.machine.versions["python"] == ".".join(map(str, sys.version_info[:3]))


class Local:
    """submitit's own executor on this machine: jobs are processes, the rest is as with Slurm."""

    calls = SlurmCalls(ENGINE, cluster="local", lag=1)

    def call(self, place: Path, function: Callable[..., Any], heed: Callable[[], None] = NOTHING) -> Any:
        return self.calls.call(place, function, (), 60, NOTHING, self.lines.append, heed)

    def __init__(self) -> None:
        self.lines: list[str] = []


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Local:
    """Jobs that find the functions of this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return Local()


# It does not wait for its processes.
submitit = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


def _speaks(output: Callable[[str], None], heed: Callable[[], None]) -> str:
    output("from the job")
    return str(Path.cwd())


def _waits(output: Callable[[str], None], heed: Callable[[], None]) -> None:
    output(str(os.getpid()))
    subprocess.run(["sleep", "100"], check=False)


def _fails(output: Callable[[str], None], heed: Callable[[], None]) -> None:
    raise MachineError("the node is on fire")


@submitit
def test_submitit_brings_result_and_lines(tmp_path: Path, local: Local) -> None:
    assert local.call(tmp_path, _speaks)
    assert local.lines == ["from the job"]
    assert not list(tmp_path.iterdir())


@submitit
def test_submitit_job_that_fails_or_is_killed_is_lost_with_its_reason(tmp_path: Path, local: Local) -> None:
    with pytest.raises(JobLost, match="the node is on fire"):
        local.call(tmp_path, _fails)

    def kill() -> None:
        for line in local.lines:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line), 9)

    with pytest.raises(JobLost, match="ended without a result"):
        local.call(tmp_path, _waits, kill)


@submitit
def test_submitit_job_is_cancelled_when_nobody_wants_it(tmp_path: Path, local: Local) -> None:

    def heed() -> None:
        if local.lines:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.call(tmp_path, _waits, heed)
    wait_for(lambda: not processes_in(tmp_path) and not psutil.pid_exists(int(local.lines[0])))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--executor", "cloud"], "invalid choice"),
        (["--ray-address", "10.0.0.1:6379"], "--ray-address belongs to --executor ray"),
        (["--executor", "ray", "--slurm-options", "time=60"], "--slurm-options belongs to --executor slurm"),
        (["--executor", "ray", "--ray-address", "10.0.0.1; rm"], "is no address"),
        (["--executor", "ray", "--ray-address", "ray://head:10001"], "cannot be used"),
        (["--executor", "slurm", "--slurm-options", "partition"], "is no list of options"),
        (["--executor", "slurm", "--slurm-options", "comment=a\nrm -rf"], "is no list of options"),
        (["--executor", "slurm", "--slurm-options", "output=elsewhere"], "is set by AI Scientist"),
        (["--executor", "slurm", "--slurm-options", "time=1:00:00"], "whole minutes"),
        (["--executor", "slurm", "--gpus", "0"], "gpus-per-run"),
        (["--cpus-per-run", "2"], "for a cluster"),
    ],
)
def test_flags_that_are_wrong_are_one_line_and_2(
    flags: list[str], said: str, bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        code = bench.launch("--recording", str(bench.record(SILENT)), *flags)
    except SystemExit as end:
        code = end.code
    err = capfd.readouterr().err
    assert (code, err.count("\n")) == (2, 1)
    assert said in err
    assert not bench.results.exists()


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_engine_that_is_not_installed_is_one_line_and_2(engine: str, package: str, bench: Bench) -> None:
    launch = f"import sys; sys.modules[{package!r}] = None\nfrom ai_scientist import launch\nsys.exit(launch.main())"
    flags = ["--idea", "learning_rate", "--recording", str(bench.record(SILENT)), "--executor", engine]
    places = ["--templates-dir", str(bench.root / "templates"), "--results-dir", str(bench.results)]
    command = [sys.executable, "-c", launch, *flags, *places]
    done = subprocess.run(command, capture_output=True, text=True, cwd=bench.root, check=False)
    assert done.returncode == 2
    assert f'pip install "ai-scientist[{engine}]"' in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_journal_from_before_there_were_engines_is_read(finished: Path) -> None:
    setup = read_journal(finished / "journal.jsonl")[0].event.setup
    adapter = TypeAdapter(Setup)
    old = {name: it for name, it in adapter.dump_python(setup, mode="json").items() if name != "engine"}
    assert adapter.validate_python(old) == setup
