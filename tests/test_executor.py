"""The local executor: how commands end, what they may take, and that nothing is left of them."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from conftest import processes_in, wait_for

from ai_scientist.errors import MachineError
from ai_scientist.executors import tree
from ai_scientist.executors.local import LocalExecutor, end_orphan
from ai_scientist.lab import Command, Exit, Limits, ProcessId

ROOT = Path(__file__).parent.parent
GRACE = 0.3


class Bay:
    """A folder in which programs are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.processes: list[ProcessId] = []

    def command(self, program: str, **environment: str) -> Command:
        path = os.environ["PATH"]
        out, err = self.folder / "stdout.log", self.folder / "stderr.log"
        (self.folder / "program.py").write_text(program)
        arguments = (sys.executable, "program.py")
        return Command(arguments, self.folder, {"PATH": path, **environment}, out, err, (self.folder,))

    def run(self, program: str, limits: Limits = Limits(60), **environment: str) -> Exit:  # noqa: B008
        executor = LocalExecutor(grace=GRACE)
        return executor.run(self.command(program, **environment), limits, self.processes.append, self.lines.append)

    @property
    def out(self) -> str:
        return (self.folder / "stdout.log").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "stderr.log").read_text()

    def left(self) -> list[psutil.Process]:
        """Processes that work in this folder."""
        return processes_in(self.folder)


@pytest.fixture
def bay(tmp_path: Path) -> Bay:
    return Bay(tmp_path)


DETACH = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        open("detached", "w").write("yes")
        time.sleep(100)
    os._exit(0)
while not os.path.exists("detached"):
    time.sleep(0.01)
"""


def test_success_hands_on_lines_as_they_come(bay: Bay) -> None:
    program = (
        "import os, time\nprint('one', flush=True)\nwhile not os.path.exists('one'): time.sleep(0.01)\nprint('two')"
    )
    seen = lambda line: (bay.folder / line).touch()  # noqa: E731 - the program goes on when its line has been seen
    done = LocalExecutor().run(bay.command(program), Limits(20), bay.processes.append, seen)
    assert (done.reason, done.code) == ("exited", 0)
    assert bay.out == "one\ntwo\n"
    assert (bay.folder / "two").exists()


def test_exit_code_and_stderr_are_kept(bay: Bay) -> None:
    done = bay.run("import sys\nsys.stderr.write('bad\\n')\nsys.exit(7)")
    assert (done.reason, done.code) == ("exited", 7)
    assert bay.err == "bad\n"


def test_signal_is_a_negative_code(bay: Bay) -> None:
    assert bay.run("import os\nos.kill(os.getpid(), 11)").code == -signal.SIGSEGV


def test_time_out_ends_children_that_detached_and_ignore_sigterm(bay: Bay) -> None:
    done = bay.run(DETACH + "time.sleep(100)", Limits(3))
    assert done.reason == "timed_out"
    assert done.seconds < 20
    assert (bay.folder / "detached").exists()
    assert not bay.left()


def test_sigterm_comes_first_so_that_a_program_can_tidy_up(bay: Bay) -> None:
    program = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('tidied')))\ntime.sleep(100)"
    )
    assert bay.run(program, Limits(3)).reason == "timed_out"
    assert bay.out == "tidied\n"


def test_normal_end_ends_what_was_left_behind(bay: Bay) -> None:
    done = bay.run(DETACH)
    assert (done.reason, done.code) == ("exited", 0)
    assert not bay.left()


def test_flood_is_stopped_and_memory_stays_small(bay: Bay) -> None:
    before = psutil.Process().memory_info().rss
    done = bay.run(
        "line = 'x' * 99 + '\\n'\nfor _ in range(100_000_000):\n    print(line * 1000, end='')",
        Limits(60, output_bytes=5_000_000),
    )
    assert done.reason == "output"
    assert "5,000,000" in done.detail
    assert (bay.folder / "stdout.log").stat().st_size <= 5_000_000
    assert psutil.Process().memory_info().rss - before < 100_000_000


def test_line_without_end_does_not_eat_memory(bay: Bay) -> None:
    before = psutil.Process().memory_info().rss
    done = bay.run("import sys\nfor _ in range(300):\n    sys.stdout.write('x' * 1_000_000)")
    assert done.code == 0
    assert psutil.Process().memory_info().rss - before < 100_000_000
    assert not bay.lines


def test_fork_bomb_is_stopped(bay: Bay) -> None:
    program = """
import os, time
end = time.monotonic() + 30
for _ in range(10_000):
    if os.fork() == 0:
        while time.monotonic() < end:
            time.sleep(0.5)
        os._exit(0)
time.sleep(30)
"""
    done = bay.run(program, Limits(60, processes=100))
    assert done.reason == "processes"
    assert not bay.left()


def test_memory_eater_is_stopped(bay: Bay) -> None:
    program = "import time\nheld = []\nwhile True:\n    held.append(bytearray(10_000_000))\n    time.sleep(0.01)"
    done = bay.run(program, Limits(60, memory_bytes=200_000_000))
    assert done.reason == "memory" or "MemoryError" in bay.err
    assert not bay.left()


def test_children_count_for_memory(bay: Bay) -> None:
    program = "import os, time\nfor _ in range(4):\n    os.fork()\nheld = bytearray(b'x') * 50_000_000\ntime.sleep(30)"
    done = bay.run(program, Limits(60, memory_bytes=300_000_000))
    assert done.reason == "memory"
    assert not bay.left()


def test_disk_filler_is_stopped(bay: Bay) -> None:
    program = "import time\nfor n in range(100):\n    open(f'{n}', 'wb').write(bytes(5_000_000))\n    time.sleep(0.1)"
    done = bay.run(program, Limits(60, disk_bytes=50_000_000))
    assert done.reason == "disk"


def test_one_huge_file_is_stopped_by_the_kernel(bay: Bay) -> None:
    program = "with open('huge', 'wb') as file:\n    while True: file.write(bytes(1_000_000))"
    done = bay.run(program, Limits(60, disk_bytes=20_000_000))
    assert done.reason == "disk" or done.code != 0
    assert (bay.folder / "huge").stat().st_size <= 20_000_000


def test_stall_is_seen(bay: Bay) -> None:
    done = bay.run("import time\ntime.sleep(100)", Limits(60, stall_seconds=1.5))
    assert done.reason == "stalled"
    assert done.seconds < 20


def test_silent_work_is_no_stall(bay: Bay) -> None:
    program = "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: sum(range(1000))"
    assert bay.run(program, Limits(60, stall_seconds=1.5)).code == 0


def test_environment_is_exactly_what_was_given(bay: Bay) -> None:
    os.environ["A_SECRET"] = "not for experiments"
    try:
        bay.run("import os\nprint(sorted(os.environ))", GIVEN="yes")
    finally:
        del os.environ["A_SECRET"]
    given = set(eval(bay.out)) - {"LC_CTYPE"}  # Python sets LC_CTYPE for itself
    assert given == {"PATH", "GIVEN"}


def test_no_descriptor_of_ours_is_inherited(bay: Bay) -> None:
    with (bay.folder / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        bay.run("import os\nfor fd in os.listdir('/proc/self/fd'):\n    print(os.path.realpath(f'/proc/self/fd/{fd}'))")
    assert str(bay.folder / "open") not in bay.out


def test_interrupt_ends_the_run_and_goes_on(bay: Bay) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(grace=GRACE).run(
            bay.command(DETACH + "print('now', flush=True)\ntime.sleep(100)"),
            Limits(60),
            bay.processes.append,
            interrupt,
        )
    assert not bay.left()


ORCHESTRATOR = """
import os, sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.lab import Command, Limits
folder = Path({folder!r})
command = Command((sys.executable, "program.py"), folder, dict(os.environ), folder / "o", folder / "e", (folder,))
def started(process):
    (folder / "id.tmp").write_text(f"{{process.pid}} {{process.started}}")
    (folder / "id.tmp").rename(folder / "id")
LocalExecutor(grace=0.3).run(command, Limits(100), started, lambda line: None)
"""


def _orchestrate(bay: Bay) -> subprocess.Popen[bytes]:
    bay.command(DETACH + "open('ready', 'w')\ntime.sleep(100)")
    script = ORCHESTRATOR.format(root=str(ROOT), folder=str(bay.folder))
    process = subprocess.Popen([sys.executable, "-c", script], cwd="/")
    wait_for(lambda: (bay.folder / "ready").exists())
    return process


def test_nothing_is_left_when_the_orchestrator_is_killed(bay: Bay) -> None:
    process = _orchestrate(bay)
    process.kill()
    process.wait()
    wait_for(lambda: not bay.left())


def test_orphan_is_ended_by_pid_and_start_time_and_never_another(bay: Bay) -> None:
    process = _orchestrate(bay)
    pid, started = map(int, (bay.folder / "id").read_text().split())
    assert not end_orphan(ProcessId(pid, started + 1), GRACE)
    assert tree.is_alive(ProcessId(pid, started))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    end_orphan(ProcessId(pid, started), GRACE)
    assert not bay.left()
    assert not end_orphan(ProcessId(pid, started), GRACE)


def test_process_that_is_no_run_is_left_alone_whoever_names_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time\ntime.sleep(100)"]) as process:
        named = tree.identify(process.pid)
        assert not end_orphan(named, GRACE)
        assert tree.is_alive(named)
        process.kill()


def test_experiment_that_kills_its_supervisor_gains_nothing(bay: Bay) -> None:
    done = bay.run(DETACH + "time.sleep(1.5)\nos.kill(os.getppid(), 9)\ntime.sleep(100)")
    assert (done.reason, done.code) == ("exited", -9)
    assert not bay.left()


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    bays = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        bays.append(Bay(tmp_path / name))
    done: dict[str, Exit] = {}
    threads = [
        threading.Thread(target=lambda bay=bay, name=name: done.update({name: bay.run(f"print('{name}')")}))
        for bay, name in zip(bays, "ab", strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: it.code for name, it in done.items()} == {"a": 0, "b": 0}
    assert [bay.out for bay in bays] == ["a\n", "b\n"]


def test_missing_program_is_ours_to_say(bay: Bay) -> None:
    command = Command(("/no/such/python",), bay.folder, {}, bay.folder / "o", bay.folder / "e")
    with pytest.raises(MachineError, match="--python"):
        LocalExecutor().run(command, Limits(5), bay.processes.append, bay.lines.append)
