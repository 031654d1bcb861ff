"""Control groups: what is written into them, what is read from them, and that nothing depends on them.

The kernel's part is shown where the tests run in a group of their own (see docs/reliability.md for how to have one).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ai_scientist.executors import cgroup
from ai_scientist.lab import Limits

LIMITS = Limits(10, memory_bytes=200_000_000, processes=50)
NEEDS_GROUP = pytest.mark.skipif(
    not cgroup.is_used(), reason="no control group (version 2) is delegated to this process"
)


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
    written = {name: (group.path / name).read_text() for name in ("memory.max", "memory.oom.group", "pids.max")}
    assert written == {"memory.max": "200000000", "memory.oom.group": "1", "pids.max": "400"}
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
        ("cgroup.procs", "1"),  # somebody else's process is in the group
        ("cgroup.procs", None),
    ],
)
def test_group_that_is_not_ours_is_left_alone(tree: tuple[Path, Path], file: str, content: str | None) -> None:
    user = tree[0] / "user"
    (user / "cgroup.subtree_control").write_text("")
    (user / file).unlink() if content is None else (user / file).write_text(content)
    assert cgroup.make(LIMITS, 400, *tree) is None
    assert not list(user.glob("ai-scientist*"))


def test_without_version_2_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("4:memory:/x\n")
    assert cgroup.make(LIMITS, 400, tmp_path, tmp_path / "membership") is None
    assert cgroup.make(LIMITS, 400, tmp_path, tmp_path / "missing") is None


def test_groups_of_killed_orchestrators_are_removed(tree: tuple[Path, Path]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, other = (tree[0] / "user" / f"ai-scientist-run-{pid}-1" for pid in (gone.pid, os.getpid()))
    other.mkdir()
    left.mkdir()
    assert cgroup.make(LIMITS, 400, *tree)
    # A folder of files cannot be removed as the kernel's can: that it was tried is seen by what was written.
    assert not left.exists() or (left / "cgroup.kill").read_text() == "1"
    assert not (other / "cgroup.kill").exists()


@NEEDS_GROUP
@pytest.mark.parametrize(
    ("program", "reached"),
    [
        ("x = []\nwhile True: x.append(bytearray(10_000_000))", "memory"),
        ("import os\nf = os.memfd_create('x')\nfor _ in range(100): os.write(f, bytes(10_000_000))", "memory"),
        ("import os, time\nfor _ in range(200):\n    if os.fork() == 0: time.sleep(3); os._exit(0)", "processes"),
        ("print(1)", None),
    ],
)
def test_kernel_holds_the_limits(program: str, reached: str | None) -> None:
    group = cgroup.make(LIMITS, 60)
    assert group is not None
    command = [sys.executable, "-I", "-c", f"import sys; sys.stdin.read(1)\n{program}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        group.take_in(process.pid)
        process.communicate(b"g")
    assert group.reached() == reached
    group.end()
    assert not group.path.exists()
