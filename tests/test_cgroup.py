"""Control groups: what is written into them, what is read from them, and that nothing depends on them.

The kernel's part is shown where the tests run in a group of their own (see docs/reliability.md for how to have one).
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GOOD, Bench, processes_in, wait_for

from ai_scientist.executors import cgroup
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.lab import Command, Exit, Limits

ROOT = Path(__file__).parent.parent
LIMITS = Limits(10, memory_bytes=200_000_000, processes=50)


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    """A folder that looks like cgroup2 with this process in /user, and what /proc/self/cgroup would say."""
    user = tmp_path / "sys" / "user"
    user.mkdir(parents=True)
    (user / "cgroup.controllers").write_text("cpu io memory pids\n")
    (user / "cgroup.subtree_control").write_text("memory pids\n")
    (user / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "membership").write_text("1:name=systemd:/x\n0::/user\n")
    return tmp_path / "sys", tmp_path / "membership"


def test_limits_are_written_and_events_read(tree: tuple[Path, Path]) -> None:
    group = cgroup.make(LIMITS, 400, *tree)
    assert group is not None
    assert group.path.parent == tree[0] / "user"
    names = ("memory.max", "memory.oom.group", "pids.max", "cgroup.max.descendants")
    assert [(group.path / name).read_text() for name in names] == ["200000000", "1", "400", "0"]
    assert group.reached() is None
    (group.path / "pids.events").write_text("max 3\n")
    assert group.reached() == "processes"
    (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.reached() == "memory"


def test_orchestrator_moves_into_a_group_of_its_own_first(tree: tuple[Path, Path]) -> None:
    user = tree[0] / "user"
    (user / "cgroup.subtree_control").write_text("")
    assert cgroup.is_used(*tree)
    assert (user / "ai-scientist" / "cgroup.procs").read_text() == str(os.getpid())
    assert (user / "cgroup.subtree_control").read_text() == "+memory +pids"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("cgroup.controllers", "cpu io"),
        ("cgroup.procs", None),
    ],
)
def test_group_that_is_not_ours_is_left_alone(tree: tuple[Path, Path], file: str, content: str | None) -> None:
    user = tree[0] / "user"
    (user / "cgroup.subtree_control").write_text("")
    (user / file).unlink() if content is None else (user / file).write_text(content)
    assert cgroup.make(LIMITS, 400, *tree) is None
    assert not list(user.glob("ai-scientist*"))


def test_group_with_a_stranger_in_it_is_left_alone(tree: tuple[Path, Path]) -> None:
    user = tree[0] / "user"
    (user / "cgroup.subtree_control").write_text("")
    with subprocess.Popen(["sh", "-c", "sleep 100 & echo $!"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        stranger = int(process.stdout.readline())
        process.wait()  # what it started is no longer beneath us
        (user / "cgroup.procs").write_text(f"{os.getpid()}\n{stranger}\n")
        try:
            assert cgroup.make(LIMITS, 400, *tree) is None
            assert not list(user.glob("ai-scientist*"))
        finally:
            os.kill(stranger, signal.SIGKILL)


def test_machine_without_memory_is_no_limit_of_the_run(tmp_path: Path) -> None:
    group = cgroup.Group(tmp_path, lock=-1)
    (tmp_path / "memory.events").write_text("max 9\noom 0\noom_kill 1\n")
    assert group.reached() is None
    (tmp_path / "memory.events").write_text("max 9\noom 1\noom_kill 3\n")
    assert group.reached() == "memory"


@pytest.mark.skipif(os.geteuid() != 0, reason="asked of root only, who can write to every group")
def test_root_divides_only_what_systemd_has_given_away(tmp_path: Path) -> None:
    assert cgroup.is_delegated(tmp_path, tmp_path / "no systemd")
    assert not cgroup.is_delegated(tmp_path, tmp_path)


def test_without_version_2_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("4:memory:/x\n")
    assert cgroup.make(LIMITS, 400, tmp_path, tmp_path / "membership") is None
    assert cgroup.make(LIMITS, 400, tmp_path, tmp_path / "missing") is None


def test_groups_of_killed_orchestrators_are_removed_and_no_others(tree: tuple[Path, Path]) -> None:
    own = cgroup.make(LIMITS, 400, *tree)
    assert own is not None
    left, odd, foreign = (tree[0] / "user" / name for name in ("ai-scientist-run-x", "ai-scientist-run-", "else"))
    left.mkdir()
    odd.touch()
    foreign.mkdir()
    assert cgroup.make(LIMITS, 400, *tree)
    assert not left.exists()
    assert own.path.exists()
    assert not (own.path / "cgroup.kill").exists()
    assert foreign.exists()


class Bay:
    """A folder in which programs run in real control groups."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home

    def run(self, program: str, limits: Limits) -> Exit:
        (self.folder / "program.py").write_text(program)
        out, err = self.folder / "stdout.log", self.folder / "stderr.log"
        command = Command((sys.executable, "program.py"), self.folder, dict(os.environ), out, err, (self.folder,))
        return LocalExecutor(grace=0.3).run(command, limits, lambda _: None, lambda _: None)

    def nothing_is_left(self) -> bool:
        return not processes_in(self.folder) and not list(self.home.glob("ai-scientist-run-*"))

    @property
    def megabytes(self) -> int:
        """How many the program wrote down, a byte for each."""
        return (self.folder / "taken").stat().st_size


@pytest.fixture
def bay(tmp_path: Path) -> Bay:
    group = cgroup.make(LIMITS, 400)
    if group is None:
        pytest.skip("no control group (version 2) is delegated to this process; see docs/reliability.md")
    group.end()
    return Bay(tmp_path, group.path.parent)


TAKEN = "import os, time\ntaken = os.open('taken', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"


def test_run_is_in_a_group_of_its_own(bay: Bay) -> None:
    assert cgroup.is_used()
    done = bay.run("print(open('/proc/self/cgroup').read())", Limits(60, memory_bytes=300_000_000, processes=10))
    assert (done.reason, done.code) == ("exited", 0)
    assert "/ai-scientist-run-" in (bay.folder / "stdout.log").read_text()
    assert bay.nothing_is_left()


def test_children_never_get_more_memory_than_allowed(bay: Bay) -> None:
    program = TAKEN + (
        "for _ in range(3):\n    os.fork()\nheld = []\n"
        "for _ in range(80):\n    held.append(b'x' * 1_000_000)\n    os.write(taken, b'1')\ntime.sleep(100)"
    )
    done = bay.run(program, Limits(60, memory_bytes=200_000_000))
    assert done.reason == "memory"
    assert 50 < bay.megabytes < 200
    assert bay.nothing_is_left()


def test_files_in_memory_never_get_more_than_allowed(bay: Bay) -> None:
    program = TAKEN + (
        "file = os.memfd_create('it')\n"
        "for _ in range(600):\n    os.write(file, bytes(1_000_000))\n    os.write(taken, b'1')\ntime.sleep(100)"
    )
    done = bay.run(program, Limits(60, memory_bytes=200_000_000))
    assert done.reason == "memory"
    assert 50 < bay.megabytes < 200
    assert bay.nothing_is_left()


def test_fork_bomb_never_has_more_than_allowed(bay: Bay) -> None:
    program = TAKEN + (
        "while True:\n    try:\n        if os.fork() == 0:\n            os.write(taken, b'1')\n"
        "    except OSError:\n        time.sleep(100)"
    )
    done = bay.run(program, Limits(60, processes=20))
    assert done.reason == "processes"
    assert (bay.folder / "taken").stat().st_size < 8 * 20
    assert bay.nothing_is_left()


def test_threads_never_are_more_than_allowed(bay: Bay) -> None:
    program = TAKEN + (
        "import threading\nfor _ in range(2_000):\n"
        "    threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n    os.write(taken, b'1')\n"
    )
    done = bay.run(program, Limits(60, processes=20))
    assert (done.reason, done.detail) == (
        "processes",
        "It had more processes and threads than the limit of 20 allows.",
    )
    assert 100 < (bay.folder / "taken").stat().st_size < 8 * 20
    assert bay.nothing_is_left()


def test_what_leaves_the_tree_after_its_supervisor_was_killed_is_ended(bay: Bay) -> None:
    program = (
        "import os, time\nos.kill(os.getppid(), 9)\n"
        "for _ in range(2):\n    if os.fork():\n        os._exit(0)\n    os.setsid()\n"
        "for name in (1, 2):\n    os.close(name)\ntime.sleep(100)"
    )
    done = bay.run(program, Limits(60, processes=20))
    assert done.code == -9
    assert bay.nothing_is_left()


ORCHESTRATOR = """
import os, sys
from pathlib import Path
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.lab import Command, Limits
folder = Path.cwd()
program = "import time; print(1, flush=True); time.sleep(100)"
command = Command((sys.executable, "-c", program), folder, dict(os.environ), folder / "o", folder / "e", (folder,))
LocalExecutor(grace=0.3).run(command, Limits(100, processes=20), lambda process: None, print)
"""


def test_killed_orchestrator_leaves_no_group_for_ever(bay: Bay) -> None:
    started = [sys.executable, "-c", ORCHESTRATOR]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(started, cwd=bay.folder, env=environment, stdout=subprocess.PIPE) as process:
        wait_for(lambda: (bay.folder / "o").exists() and (bay.folder / "o").read_text() != "")
        group = next(bay.home.glob("ai-scientist-run-*"))
        assert group.is_dir()
        process.kill()
    wait_for(lambda: not processes_in(bay.folder))
    assert group.is_dir()
    assert cgroup.make(LIMITS, 400)
    assert not group.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="asked of root only, who can write to every group")
@pytest.mark.parametrize("mark", ["trusted.delegate", "user.delegate"])
def test_root_divides_what_systemd_has_given_away(bay: Bay, tmp_path: Path, mark: str) -> None:
    unit = bay.home / "unit"
    unit.mkdir()
    assert not cgroup.is_delegated(unit, systemd=tmp_path)
    os.setxattr(unit, mark, b"1")
    assert cgroup.is_delegated(unit, systemd=tmp_path)
    unit.rmdir()


def test_studies_side_by_side_have_groups_too(bay: Bay, bench: Bench) -> None:
    (bay.home / "batch").mkdir()
    with (bench.template / "experiment.py").open("a") as code:
        code.write("    print(open('/proc/self/cgroup').read())\n")
    launch = [sys.executable, str(ROOT / "launch_scientist.py"), "--templates-dir", "templates", "--no-sandbox"]
    launch += ["--idea", "learning_rate", "--idea", "more_steps", "--max-runs", "2"]
    launch += ["--recording", str(bench.record(GOOD))]
    enter = f"echo $$ >{bay.home}/batch/cgroup.procs && exec"
    done = subprocess.run(["sh", "-c", f'{enter} "$@"', "sh", *launch], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "memory and tasks held by control groups" in done.stdout
    runs = [log.read_text() for log in bench.results.glob("tiny/*/run_*/stdout.log")]
    assert len(runs) > 2
    assert all("/batch/ai-scientist-run-" in said for said in runs)
    assert not list((bay.home / "batch").glob("ai-scientist-run-*"))
    (bay.home / "batch" / "ai-scientist").rmdir()
    (bay.home / "batch").rmdir()
