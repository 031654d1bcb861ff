"""One hostile program a promise, in each sandbox that works here: what model-written code cannot do."""

import contextlib
import ctypes
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from conftest import GOOD, Bench, block, processes_in, wait_for

from ai_scientist.errors import MachineError, UsageError
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.executors.warm import WarmExecutor, possible
from ai_scientist.lab import Command, Exit, Limits, Task
from ai_scientist.sandbox import Confinement, Sandbox, landlock
from ai_scientist.sandbox.bubblewrap import Bubblewrap, works
from ai_scientist.sandbox.landlock import Landlock
from ai_scientist.sandbox.system import interpreter
from ai_scientist.study.events import AttemptEnded, StudyStarted
from ai_scientist.study.execution import bound, set_inside
from ai_scientist.study.folder import StudyFolder

NEEDS_BWRAP = pytest.mark.skipif(not works(), reason="bubblewrap is not installed or may not be used here")
with tempfile.TemporaryDirectory() as _place:
    _LANDLOCK = landlock.works(Path(_place).resolve())
NEEDS_LANDLOCK = pytest.mark.skipif(not _LANDLOCK, reason="this kernel or its C library has no Landlock or no seccomp")
NEEDS_WARM = pytest.mark.skipif(
    not possible("bubblewrap", sys.executable),
    reason="no capabilities in a name space of bubblewrap's own here",
)
MODES = [
    pytest.param(Bubblewrap(), id="bubblewrap", marks=NEEDS_BWRAP),
    pytest.param(Landlock(), id="landlock", marks=NEEDS_LANDLOCK),
    pytest.param("warm", id="warm", marks=NEEDS_WARM),
]
LAUNCHER = Path(__file__).parents[1] / "launch_scientist.py"
RECORDS = ("journal.jsonl", "transcript.jsonl", "control/1.json", "log.txt", "results.md", "results.csv")
SECRET = "sk-secret-of-the-orchestrator"


@dataclass(frozen=True)
class Cell:
    """A study folder with what a hostile run would like to have, and a way to run a program as its run_1."""

    root: Path
    sandbox: Sandbox
    warm: bool = False

    @property
    def out(self) -> Path:
        return self.root / "run_1"

    def run(
        self,
        program: str,
        limits: Limits = Limits(30),  # noqa: B008
        *,
        network: bool = False,
        own: Mapping[str, str] | None = None,
        output: Callable[[str], None] = lambda _: None,
    ) -> Exit:
        command = self.command(program, network=network, own=own)
        if not self.warm:
            return LocalExecutor(grace=0.3).run(command, limits, lambda _: None, output)
        executor = WarmExecutor(grace=0.3)
        try:
            return executor.run(command, limits, lambda _: None, output)
        finally:
            executor.close()
            assert executor.forked == 1

    def command(self, program: str, *, network: bool = False, own: Mapping[str, str] | None = None) -> Command:
        """The program as run_1; for a warmed parent it begins with an import that can be done ahead."""
        (self.root / "experiment.py").write_text(f"import numpy\n{program}" if self.warm else program)
        visible = StudyFolder(self.root).shown()
        confinement = Confinement(visible, (self.out,), (), sys.executable, self.root, self.root, network=network)
        return replace(
            bound(Task(("experiment.py",), own or {}, confinement, sandboxed=True), self.sandbox), cold=silently
        )

    @property
    def said(self) -> str:
        return (self.out / "stdout.log").read_text() + (self.out / "stderr.log").read_text()


@pytest.fixture(params=MODES)
def cell(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cell:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    root = tmp_path / "study"
    for name in ("run_0", "run_1", "control", ".git/hooks"):
        (root / name).mkdir(parents=True)
    for name in (*RECORDS, "notes.txt", "run_0/final_info.json"):
        (root / name).write_text("untouched")
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "id_rsa").write_text("private key")
    warm = request.param == "warm"
    return Cell(root, Bubblewrap() if warm else request.param, warm)


def tried(*attempts: str) -> str:
    """A program that tries each statement and says which of them went through."""
    lines = ["import os, socket, subprocess, ctypes, pathlib, sys"]
    for number, attempt in enumerate(attempts):
        lines.append(f"try:\n    {attempt}\n    print('DONE {number}', flush=True)\nexcept BaseException as error:")
        lines.append(f"    print('refused {number}', type(error).__name__, flush=True)")
    return "\n".join(lines)


def refused(cell: Cell, *attempts: str) -> None:
    """Every one of the statements fails."""
    cell.run(tried(*attempts))
    assert "DONE" not in cell.said, cell.said
    assert cell.said.count("refused") == len(attempts), cell.said


def test_ordinary_experiment_works(cell: Cell) -> None:
    program = """
import json, multiprocessing, tempfile, numpy, os
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        squares = pool.map(square, range(5))
    tempfile.TemporaryFile().write(b"x")
    assert open("run_0/final_info.json").read() == "untouched"
    json.dump(squares, open("run_1/final_info.json", "w"))
    print(numpy.ones(3).sum(), os.cpu_count())
"""
    assert cell.run(program).code == 0, cell.said
    assert (cell.out / "final_info.json").read_text() == "[0, 1, 4, 9, 16]"


def test_reads_no_home_and_no_other_folder(cell: Cell) -> None:
    home = cell.root.parent / "home"
    refused(
        cell,
        f"open('{home}/.ssh/id_rsa').read()",
        f"assert os.listdir('{home}')",
        "assert os.listdir('/root') != ['.pyenv']",
    )
    refused(cell, "assert os.listdir('/home')", "open('/etc/shadow').read()", "open('/etc/passwd').read()")


def test_sees_no_key_anywhere(cell: Cell) -> None:
    program = """
import glob, os
print(sorted(os.environ.items()))
for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try: print(name, open(name, "rb").read())
    except OSError as error: print(name, error)
"""
    cell.run(program)
    assert SECRET not in cell.said
    assert "PATH" in cell.said


def test_records_are_neither_read_nor_written(cell: Cell) -> None:
    for name in RECORDS:
        refused(cell, f"assert 'untouched' in open('{name}').read()", f"open('{name}', 'a').write('x')")
        refused(cell, f"os.remove('{name}')", f"os.rename('run_1/stdout.log', '{name}')")
    refused(cell, "open('.git/hooks/pre-commit', 'w')", "os.mkdir('.git/x')")


def test_notes_code_and_other_runs_are_read_only(cell: Cell) -> None:
    refused(cell, "open('notes.txt', 'a')", "os.remove('notes.txt')", "open('experiment.py', 'a')")
    refused(cell, "open('run_0/final_info.json', 'w')", "open('run_0/new', 'w')", "os.rename('run_0', 'run_9')")
    refused(
        cell,
        "open('new.py', 'w')",
        "os.mkdir('run_2')",
        "os.chmod('notes.txt', 511); assert os.stat('notes.txt').st_mode & 511 == 511",
    )
    assert (cell.root / "notes.txt").read_text() == "untouched"
    assert (cell.root / "run_0" / "final_info.json").read_text() == "untouched"


def test_links_lead_nowhere_new(cell: Cell) -> None:
    os.link(cell.root / "notes.txt", cell.root / "run_0" / "hard")
    refused(
        cell,
        "os.symlink('../notes.txt', 'run_1/soft'); open('run_1/soft', 'a').write('x')",
        "os.link('notes.txt', 'run_1/hard'); open('run_1/hard', 'a').write('x')",
        "os.symlink('/proc/1/root', 'run_1/root'); assert 'home' in os.listdir('run_1/root')",
        "os.symlink('/proc/self/cwd/../..', 'run_1/up'); assert 'home' in os.listdir('run_1/up')",
    )
    assert (cell.root / "notes.txt").read_text() == "untouched"


def test_no_descriptor_leads_out(cell: Cell) -> None:
    program = """
import os
for name in os.listdir("/proc/self/fd"):
    try: target = os.readlink("/proc/self/fd/" + name)
    except OSError: continue
    print("FD", target)
"""
    cell.run(program)
    targets = {line.split(" ", 1)[1] for line in cell.said.splitlines() if line.startswith("FD")}
    assert all(target.startswith(("pipe:", "/dev/null", "/proc/")) for target in targets), targets


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        yield server


def connects(port: int) -> str:
    return f"socket.create_connection(('127.0.0.1', {port}), 2)"


def test_no_network(cell: Cell, listener: socket.socket) -> None:
    refused(
        cell,
        connects(listener.getsockname()[1]),
        "socket.create_connection(('10.255.255.1', 80), 2)",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.255.255.1', 53))",
    )
    with pytest.raises(TimeoutError):
        listener.accept()


def test_no_socket_to_the_host_of_a_virtual_machine(cell: Cell) -> None:
    """Such sockets know no name spaces."""
    refused(cell, "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", "socket.socket(38, socket.SOCK_SEQPACKET)")
    assert cell.run("import socket\nsocket.socketpair()").code == 0


def test_network_where_it_is_allowed(cell: Cell, listener: socket.socket) -> None:
    cell.run(tried(connects(listener.getsockname()[1])), network=True)
    assert "DONE 0" in cell.said, cell.said


def test_no_unix_socket_of_the_orchestrator(cell: Cell, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as path, socket.socket(socket.AF_UNIX) as abstract:
        path.bind(str(tmp_path / "socket"))
        path.listen()
        abstract.bind(f"\0{tmp_path.name}-abstract")
        abstract.listen()
        connect = "socket.socket(socket.AF_UNIX).connect"
        refused(cell, f"{connect}('{tmp_path}/socket')", f"{connect}('\\0{tmp_path.name}-abstract')")


def test_no_power_over_other_processes(cell: Cell) -> None:
    us = os.getpid()
    ptrace = "ctypes.CDLL(None, use_errno=True).ptrace"
    refused(cell, f"os.kill({us}, 0)", f"assert {ptrace}(16, {us}, 0, 0) == 0", f"os.listdir('/proc/{us}')")


@NEEDS_BWRAP
def test_bubblewrap_shows_no_process_but_its_own(cell: Cell) -> None:
    if cell.sandbox.name != "bubblewrap":
        pytest.skip("Landlock has no process name space: it refuses /proc instead")
    cell.run("import os\nprint(sorted(int(name) for name in os.listdir('/proc') if name.isdigit())[-1])")
    assert int(cell.said.split()[-1]) < 50


def test_no_key_that_the_kernel_keeps(cell: Cell) -> None:
    """Kerberos' tickets, say: bubblewrap leaves the keyring of the session to all that it starts."""
    add, keyctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
    libc = ctypes.CDLL(None)
    joined = libc.syscall(keyctl, 1, None)
    ring = libc.syscall(add, b"keyring", b"mine", None, 0, -3)
    if joined < 0 or libc.syscall(add, b"user", b"ticket", b"secret", 6, ring) < 0:
        pytest.skip("this kernel keeps no keys for users")
    search = f"ctypes.CDLL(None).syscall({keyctl}, 10, -3, b'user', b'ticket', 0)"
    assert eval(search) > 0
    link = f"ctypes.CDLL(None).syscall({keyctl}, 8, {ring}, -3)"
    join = f"ctypes.CDLL(None).syscall({keyctl}, 1, None)"
    refused(cell, *(f"assert {call} >= 0" for call in (search, link, join)))


def test_no_mounts_and_no_new_name_spaces(cell: Cell) -> None:
    libc = "ctypes.CDLL(None, use_errno=True)"
    refused(
        cell,
        f"assert {libc}.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0",
        f"assert {libc}.umount2(b'/proc', 2) == 0",
        f"assert {libc}.unshare(0x10000000) == 0",
        "subprocess.run(['unshare', '-r', 'true'], check=True)",
        f"assert {libc}.setns(0, 0) == 0",
        "open('/proc/sys/kernel/core_pattern', 'w')",
        "open('/proc/sysrq-trigger', 'w')",
        "open('/sys/devices/system/cpu/cpu1/online', 'w')",
    )


def test_temporary_files_are_private(cell: Cell) -> None:
    seen = Path("/tmp/seen_from_the_sandbox")
    cell.run("import tempfile\nopen(tempfile.mkstemp()[1], 'w').write('x')\nopen('/tmp/seen_from_the_sandbox', 'w')")
    assert not seen.exists()
    assert {path.name for path in cell.out.iterdir()} == {"stdout.log", "stderr.log"}


def test_temporary_files_are_bounded(cell: Cell) -> None:
    program = "import tempfile\nwith tempfile.TemporaryFile() as file:\n    while True: file.write(bytes(1_000_000))"
    begun = time.monotonic()
    done = cell.run(program, Limits(60, disk_bytes=50_000_000))
    assert done.code != 0
    assert "Error" in cell.said or done.reason == "disk"
    assert time.monotonic() - begun < 30


def test_shared_memory_of_bubblewrap_is_private(cell: Cell) -> None:
    if cell.sandbox.name != "bubblewrap":
        pytest.skip("under Landlock /dev/shm is shared with the machine")
    cell.run("open('/dev/shm/seen_from_the_sandbox', 'w')")
    assert not Path("/dev/shm/seen_from_the_sandbox").exists()


def test_sparse_file_counts_as_a_file_of_its_size(cell: Cell) -> None:
    cell.run(tried("open('run_1/sparse', 'wb').truncate(10**12)"), Limits(30, disk_bytes=20_000_000))
    assert "DONE" not in cell.said
    assert (cell.out / "sparse").stat().st_size <= 20_000_000


def test_killing_the_parent_changes_nothing(cell: Cell) -> None:
    program = "import os, time\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass\ntime.sleep(0.2)\nprint('alive')"
    done = cell.run(program)
    assert (done.reason, done.code) == ("exited", 0)
    assert "alive" in cell.said


def test_nothing_survives_the_run(cell: Cell) -> None:
    detached = "    os.setsid()\n    if os.fork() == 0:\n        time.sleep(100)\n    os._exit(0)\n"
    program = f"import os, time\nif os.fork() == 0:\n{detached}"
    assert cell.run(program).code == 0
    assert not processes_in(cell.root)


def test_run_that_is_asked_to_end_may_tidy_up(cell: Cell) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open('run_1/tidied', 'w'), sys.exit()))\n"
        "time.sleep(60)\n"
    )
    assert cell.run(program, Limits(1)).reason == "timed_out"
    wait_for((cell.out / "tidied").exists, 2)


def test_limits_hold_inside(cell: Cell) -> None:
    child = "    if os.fork() == 0:\n        time.sleep(9)\n        os._exit(0)\n"
    bomb = f"import os, time\nfor _ in range(5000):\n{child}time.sleep(9)"
    assert cell.run(bomb, Limits(30, processes=100)).reason == "processes"
    eater = "held = []\nwhile True: held.append(bytearray(10_000_000))"
    done = cell.run(eater, Limits(30, memory_bytes=300_000_000))
    assert done.reason == "memory" or "MemoryError" in cell.said
    huge = "with open('run_1/huge', 'wb') as file:\n    while True: file.write(bytes(1_000_000))"
    cell.run(huge, Limits(30, disk_bytes=20_000_000))
    assert (cell.out / "huge").stat().st_size <= 20_000_000
    assert not processes_in(cell.root)


GROW = """
import os, tempfile, time
kept = []
for _ in range(40):
    {}
    kept.append(file)
    file.write(bytes(15_000_000))
    time.sleep(0.03)
time.sleep(20)
"""
HIDDEN = {
    "temporary files": ("file = tempfile.TemporaryFile(buffering=0)", {"bubblewrap": "memory", "landlock": "disk"}),
    "files in memory": (
        "file = os.fdopen(os.memfd_create('x'), 'wb', 0)",
        {"bubblewrap": "memory", "landlock": "memory"},
    ),
    "deleted shared memory": (
        "file = open('/dev/shm/of_a_test', 'wb', 0); os.unlink('/dev/shm/of_a_test')",
        {"bubblewrap": "memory", "landlock": "memory"},
    ),
    "deleted files": (
        "file = open('run_1/x', 'wb', 0); os.unlink('run_1/x')",
        {"bubblewrap": "disk", "landlock": "disk"},
    ),
}


@pytest.mark.parametrize(("opened", "reasons"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_held_out_of_sight_counts(cell: Cell, opened: str, reasons: dict[str, str]) -> None:
    done = cell.run(GROW.format(opened), Limits(30, memory_bytes=200_000_000, disk_bytes=300_000_000))
    assert done.reason == reasons[cell.sandbox.name], cell.said


def test_threads_count(cell: Cell) -> None:
    program = "import threading, time\nfor _ in range(600): threading.Thread(target=time.sleep, args=(20,)).start()"
    assert cell.run(program, Limits(30, processes=50)).reason == "processes", cell.said


def test_shared_memory_of_several_processes_is_counted_once(cell: Cell) -> None:
    """150 MB that four processes share are less than 300 MB."""
    program = """
import mmap, os, time
shared = mmap.mmap(-1, 150_000_000)
shared[:] = bytes(150_000_000)
for _ in range(3):
    if os.fork() == 0:
        sum(shared[::4096]); time.sleep(4); os._exit(0)
time.sleep(5)
"""
    assert cell.run(program, Limits(30, memory_bytes=300_000_000)).reason == "exited", cell.said


HOSTILE_RESULTS = {
    "a FIFO": "os.mkfifo(path)",
    "a link to a device": "os.symlink('/dev/zero', path)",
    "a link out of the folder": "os.symlink('../run_0/final_info.json', path)",
    "a folder": "os.mkdir(path)",
    "5 GB": "open(path, 'wb').truncate(5_000_000_000)",
    "10,000 levels": "open(path, 'w').write('[' * 10_000 + ']' * 10_000)",
}


@pytest.mark.parametrize("statement", HOSTILE_RESULTS.values(), ids=HOSTILE_RESULTS)
def test_hostile_results_are_no_results(bench: Bench, statement: str) -> None:
    """And are not taken for a hang either: the study says so at once and goes on."""
    hostile = f"    path = os.path.join(out_dir, 'final_info.json')\n    {statement}\n    raise SystemExit"
    edit = block("experiment.py", "    info = {}", f"{hostile}\n    info = {{}}")
    assert bench.study({"run_1.attempt_1": edit}, "--max-attempts", "1", "--max-runs", "1") == 1
    (attempt,) = bench.of(AttemptEnded)
    assert attempt.outcome == "no_results"
    assert attempt.seconds < 20


def test_printed_key_is_masked_everywhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_API_KEY", SECRET)
    edit = block("experiment.py", "    info = {}", f"    print('{SECRET}')\n    raise ValueError('{SECRET}')")
    assert bench.study({"run_1.attempt_1": edit, "run_1.attempt_2": "nothing"}) == 1
    (attempt,) = bench.of(AttemptEnded)
    assert "ValueError" in attempt.feedback
    assert "ValueError: ****" in bench.sent()["run_1.attempt_2"]
    kept = [path for path in bench.folder.rglob("*") if path.is_file() and path.suffix in (".log", ".txt", ".jsonl")]
    assert [path.name for path in kept if SECRET in path.read_text(errors="replace")] == []


def test_crash_by_a_signal_is_told_as_such(bench: Bench) -> None:
    edit = block("experiment.py", "LEARNING_RATE = 0.1", "LEARNING_RATE = 0.2\nimport os\nos.kill(os.getpid(), 11)")
    bench.study({"run_1.attempt_1": edit})
    (attempt,) = bench.of(AttemptEnded)
    assert "ended by signal 11" in attempt.feedback


def test_orchestrator_killed_leaves_nothing(cell: Cell) -> None:
    """The sandbox, too, ends with the orchestrator."""
    command = cell.command("import time\nopen('run_1/ready', 'w')\ntime.sleep(100)")
    program = (
        "import pickle, sys\n"
        "from ai_scientist.executors.local import LocalExecutor\nfrom ai_scientist.executors.warm import WarmExecutor\n"
        "from ai_scientist.lab import Limits\n"
        f"executor = {'WarmExecutor' if cell.warm else 'LocalExecutor'}(grace=0.3)\n"
        "command = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "executor.run(command, Limits(100), lambda it: None, lambda line: None)\n"
    )
    picklable = pickle.dumps(replace(command, heed=nothing, say=silently)).hex()
    process = subprocess.Popen([sys.executable, "-c", program, picklable], cwd=Path(__file__).parent)
    wait_for((cell.out / "ready").exists)
    process.kill()
    process.wait()
    wait_for(lambda: not processes_in(cell.root))


def silently(_: str) -> None:
    """What a command says to nobody; by its name, since a lambda cannot be handed to another process."""


def nothing() -> None:
    """What a command heeds that heeds nothing, by a name that can be pickled."""


def test_sandbox_costs_little(cell: Cell) -> None:
    """Not a timed test of speed: only that no mode hides a second of start-up in every run."""
    begun = time.monotonic()
    cell.run("pass")
    assert time.monotonic() - begun < 5


@NEEDS_BWRAP
def test_sandbox_is_on_by_default_said_and_journaled(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert "sandbox: bubblewrap" in capsys.readouterr().out
    assert bench.of(StudyStarted)[0].setup.sandbox == "bubblewrap"


@NEEDS_LANDLOCK
def test_without_bubblewrap_a_study_runs_under_landlock(bench: Bench) -> None:
    programs = bench.root / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    recording, templates = bench.record(GOOD), bench.root / "templates"
    flags = ("--idea", "learning_rate", "--recording", recording, "--templates-dir", templates, "--max-runs", "2")
    command = (sys.executable, LAUNCHER, *flags, "--results-dir", bench.results)
    done = subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "sandbox: Landlock and seccomp" in done.stdout
    assert bench.of(StudyStarted)[0].setup.sandbox == "landlock"


def test_no_sandbox_only_where_it_is_said(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert bench.study(GOOD, "--max-runs", "2", "--no-sandbox") == 0
    assert "NONE (--no-sandbox)" in capsys.readouterr().out
    assert bench.of(StudyStarted)[0].setup.sandbox == "none"


def test_network_needs_the_template_and_the_user(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    settings = bench.template / "template.toml"
    settings.write_text("network = true\n" + settings.read_text())
    assert bench.study(GOOD, "--max-runs", "2") == 2
    assert "--allow-network" in capsys.readouterr().err
    assert bench.study(GOOD, "--max-runs", "2", "--allow-network") == 0
    assert "EXCEPT THE NETWORK" in capsys.readouterr().out
    assert bench.of(StudyStarted)[0].setup.network


def test_declared_data_is_readable_and_nothing_beside_it(bench: Bench) -> None:
    (bench.root / "data").mkdir()
    (bench.root / "data" / "points.txt").write_text("0.2")
    (bench.root / "secret.txt").write_text("0.3")
    settings = bench.template / "template.toml"
    settings.write_text('data = ["../../data"]\n' + settings.read_text())
    reads = f"LEARNING_RATE = float(open('{bench.root}/data/points.txt').read())"
    assert bench.study({"run_1.attempt_1": block("experiment.py", "LEARNING_RATE = 0.1", reads)}) == 1
    assert bench.of(AttemptEnded)[0].outcome == "ok"
    bench.folder.rename(bench.root / "first")
    beside = f"LEARNING_RATE = float(open('{bench.root}/secret.txt').read())"
    assert bench.study({"run_1.attempt_1": block("experiment.py", "LEARNING_RATE = 0.1", beside)}) == 1
    assert "FileNotFoundError" in bench.of(AttemptEnded)[0].feedback


def test_interpreter_that_would_show_the_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was installed with --prefix=$HOME."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for number, prefix in enumerate((tmp_path / "home", tmp_path, Path("/"))):
        python = tmp_path / f"python{number}"
        python.write_text(f"#!/bin/sh\necho '[\"{prefix}\"]'\n")
        python.chmod(0o755)
        with pytest.raises(MachineError, match="holds your home directory"):
            interpreter(str(python))


STEERING = ("PATH", "BASH_ENV", "GCONV_PATH", "OPENSSL_CONF", "STEPS")
EARLY = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE")  # make a run a cold one


def test_variables_of_a_template_hold_inside_alone(cell: Cell) -> None:
    own = dict.fromkeys(STEERING if cell.warm else (*STEERING, *EARLY), "/evil")
    seen: list[dict[str, str]] = []

    def look(_: str) -> None:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                seen.append(process.environ())

    program = f"import os, time\nprint([os.environ.get(it) for it in {list(own)}], flush=True)\ntime.sleep(1)"
    cell.run(program, own=own, output=look)
    assert str(["/evil"] * len(own)) in cell.said
    assert len(seen) >= 3
    confined = [it for it in seen if "STEPS" in it]
    assert len(confined) == (0 if cell.warm else 1)  # what was forked shows what its parent was started with
    assert not any("/evil" in it.values() for it in seen if it not in confined)


def test_template_with_a_path_of_its_own_starts_no_program_of_it(bench: Bench) -> None:
    evil = bench.root / "evil" / "bwrap"
    evil.parent.mkdir()
    evil.write_text(f"#!/bin/sh\n/usr/bin/touch {bench.root}/owned\n")
    evil.chmod(0o755)
    _with_variable(bench, "PATH", f"{evil.parent}:/usr/bin:/bin")
    assert bench.study(GOOD, "--profile", "short", "--max-runs", "2") == 0
    assert not (bench.root / "owned").exists()


@pytest.mark.parametrize("name", ["A=B", "", "-S", "A\nB"])
def test_what_is_no_variable_is_one_clear_line(bench: Bench, capsys: pytest.CaptureFixture, name: str) -> None:
    _with_variable(bench, name, "x")
    assert bench.study(GOOD, "--profile", "short") == 2
    assert "cannot be an environment variable" in capsys.readouterr().err
    with pytest.raises(UsageError, match="environment variable"):
        set_inside({name: "x"})


def _with_variable(bench: Bench, name: str, value: str) -> None:
    settings = bench.template / "template.toml"
    own = f"environment = {{ {json.dumps(name)} = {json.dumps(value)} }}"
    settings.write_text(settings.read_text().replace('environment = { TINY_STEPS = "5" }', own))
