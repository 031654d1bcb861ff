"""Runs forked from a warmed parent are as cold ones: the same program, the same numbers, nothing of the run before.

That the sandbox holds for them, too, is tested where it is tested for the others: test_sandbox.py, mode "warm".
"""

import json
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from conftest import GOOD, Bench, block, wait_for

from ai_scientist.executors.imports import first_imports
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.executors.warm import MAX_RESTARTS, WarmExecutor, possible
from ai_scientist.lab import Exit, Limits, Task
from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.bubblewrap import Bubblewrap
from ai_scientist.study.events import StartedCold, StudyStarted
from ai_scientist.study.execution import bound
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.journal import read_journal
from ai_scientist.template import read_template

NEEDS_WARM = pytest.mark.skipif(
    not possible("bubblewrap", sys.executable), reason="no capabilities in a name space of bubblewrap's own here"
)
GROKKING = Path(__file__).parent.parent / "templates" / "grokking"


class Place:
    """A study folder, and its runs: run_1, run_2 and so on are what one parent was asked for, one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.warm = WarmExecutor(grace=0.3)
        self.cold: list[str] = []  # what was told of cold runs

    def run(self, program: str, number: int = 1, executor: LocalExecutor | None = None, **own: str) -> Exit:
        (self.root / "experiment.py").write_text(program)
        out = self.root / f"run_{number}"
        out.mkdir(exist_ok=True)
        confinement = Confinement(StudyFolder(self.root).shown(), (out,), (), sys.executable, self.root, self.root)
        arguments = ("experiment.py", f"--out_dir=run_{number}")
        command = replace(bound(Task(arguments, own, confinement, sandboxed=True), Bubblewrap()), cold=self.cold.append)
        return (executor or self.warm).run(command, Limits(120), lambda _: None, lambda _: None)

    def said(self, number: int = 1) -> str:
        out = self.root / f"run_{number}"
        return (out / "stdout.log").read_text() + (out / "stderr.log").read_text()

    def both(self, program: str) -> tuple[str, str]:
        """What a cold and a forked run of the program say."""
        self.run(program, executor=LocalExecutor(grace=0.3))
        cold = self.said()
        shutil.rmtree(self.root / "run_1")
        before = self.warm.forked
        self.run(program)
        assert self.warm.forked == before + 1
        return cold, self.said()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "study")
    before = set(psutil.Process().children(recursive=True))
    yield place
    place.warm.close()
    assert set(psutil.Process().children(recursive=True)) <= before


TELLS = """
import numpy
import atexit, os, signal, sys, threading, multiprocessing, traceback
main = sys.modules["__main__"]
def square(x): return x * x
def inner(): raise ValueError("seen")
if __name__ == "__main__":
    print(sys.argv, sys.orig_argv, sys.path, __file__, sorted(vars(main)), main.__spec__, type(main.__loader__))
    print(sorted(os.environ.items()), os.getcwd(), sorted(os.listdir(".")), os.getpid(), os.getppid())
    print([signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)])
    print([os.readlink(f"/proc/self/fd/{n}").split(":")[0] for n in range(3)], sorted(os.listdir("/proc/self/fd")))
    print(sys.stdout.encoding, sys.stdout.line_buffering, sys.stdout.write_through, sys.flags, threading.active_count())
    print([multiprocessing.get_context(how).Pool(2).map(square, range(4)) for how in ("fork", "spawn")])
    traceback.print_stack()
    atexit.register(print, "at the end")
    inner()
"""


@NEEDS_WARM
def test_forked_run_is_the_same_program_as_a_cold_one(place: Place) -> None:
    cold, forked = place.both(TELLS)
    assert "at the end" in cold
    assert "ValueError: seen" in cold
    assert forked == cold


ENDS = {
    "exit code": "sys.exit(7)",
    "exit message": "sys.exit('why')",
    "signal": "os.kill(os.getpid(), 11)",
    "thread that is waited for": "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
    "syntax error": "def",
}


@NEEDS_WARM
@pytest.mark.parametrize("statement", ENDS.values(), ids=ENDS)
def test_forked_run_ends_as_a_cold_one(place: Place, statement: str) -> None:
    program = f"import numpy\nimport os, sys, threading, time\n{statement}\n"
    cold, forked = place.run(program, 1, LocalExecutor(0.3)), place.run(program, 2)
    assert place.said(1) == place.said(2)
    assert place.warm.forked == (statement != "def")  # what cannot be parsed is a cold run
    assert (forked.reason, forked.code) == (cold.reason, cold.code)


DRAWS = """
import torch, numpy, random
print(torch.rand(2).tolist(), numpy.random.rand(2), numpy.random.default_rng().random(), random.random())
torch.manual_seed(3); numpy.random.seed(3); random.seed(3)
layer = torch.nn.Linear(40, 40)
step = torch.optim.SGD(layer.parameters(), 0.1)
for _ in range(30):
    loss = layer(torch.randn(64, 40)).square().mean()
    step.zero_grad(); loss.backward(); step.step()
print(loss.item().hex(), numpy.random.rand(3), random.random(), hash("x"), torch.get_num_threads())
"""


@NEEDS_WARM
def test_seeded_numbers_are_the_same_and_unseeded_ones_differ(place: Place) -> None:
    place.run(DRAWS, 1, LocalExecutor(0.3))
    for number in (2, 3):
        assert place.run(DRAWS, number).code == 0, place.said(number)
    assert place.warm.forked == 2
    unseeded, seeded = zip(*(place.said(number).splitlines() for number in (1, 2, 3)), strict=True)
    assert len(set(seeded)) == 1
    drawn = [line.replace("[", " ").replace("]", " ").replace(",", " ").split() for line in unseeded]
    assert all(len(set(column)) == 3 for column in zip(*drawn, strict=True))


@NEEDS_WARM
def test_grokking_measures_the_same_to_the_last_bit(place: Place) -> None:
    code = (GROKKING / "experiment.py").read_text()
    shutil.copy(GROKKING / "cpu.py", place.root)
    smoke = read_template(GROKKING).profiles["smoke"].environment
    for number, executor in ((1, LocalExecutor(0.3)), (2, None)):
        assert place.run(code, number, executor, **smoke).code == 0, place.said(number)
    assert place.warm.forked == 1
    cold, forked = (json.loads((place.root / f"run_{n}" / "final_info.json").read_text()) for n in (1, 2))
    assert _without_times(cold) == _without_times(forked)


def _without_times(results: dict) -> dict:
    values = {dataset: info["final_info_dict"] for dataset, info in results.items()}
    return {(d, m): it for d, info in values.items() for m, it in info.items() if "time" not in m and "second" not in m}


@NEEDS_WARM
def test_nothing_of_a_run_reaches_the_next(place: Place) -> None:
    first = """
import numpy
import os, subprocess, sys, time
sys.modules["numpy"].marked = True
os.environ["MARKED"] = "1"
open("/tmp/marked", "w"); open("/dev/shm/marked", "w"); open("run_1/own", "w")
if os.fork() == 0:
    os.setsid()
    time.sleep(100)
"""
    second = """
import numpy
import os
print(hasattr(numpy, "marked"), "MARKED" in os.environ, os.path.exists("/tmp/marked"), os.listdir("/dev/shm"))
print(sorted(name for name in os.listdir("/proc") if name.isdigit()))
try: os.listdir("/.study")
except OSError as error: print(error.strerror)
try: open("run_1/own", "w")
except OSError as error: print(error.strerror)
"""
    assert place.run(first, 1).code == 0, place.said(1)
    assert place.run(second, 2).code == 0, place.said(2)
    assert place.warm.forked == 2
    assert place.said(2).splitlines() == [
        "False False False []",
        "['1', '2']",
        "Permission denied",
        "Read-only file system",
    ]


@NEEDS_WARM
def test_run_that_prepares_its_imports_itself_is_a_cold_one(place: Place) -> None:
    place.run("import numpy\n")
    program = "import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport torch\nprint(torch.get_num_threads())"
    assert place.run(program, 2).code == 0
    assert place.said(2) == "1\n"
    assert place.run("import numpy\n", 3, OTHER="profile").code == 0
    assert place.warm.forked == 2
    assert place.cold == ["it does not begin with the imports that the warmed parent has made; so may be later runs"]


@NEEDS_WARM
@pytest.mark.parametrize("name", ["OMP_DYNAMIC", "PYTHONHOME", "LD_PRELOAD", "MPLCONFIGDIR"])
def test_variable_that_would_come_too_late_makes_a_cold_run(place: Place, name: str) -> None:
    place.run("import matplotlib.pyplot\n", **{name: "/tmp/own"})
    assert place.warm.forked == 0
    assert place.cold == [f"the template sets {name}, which is read before a run is forked; so may be later runs"]


GONE = "the warmed parent is gone or does not answer; another one is started for later runs"


def _kill_the_parent() -> None:
    beneath = psutil.Process().children(recursive=True)
    sandboxes = {it.pid for it in beneath if it.name() == "bwrap"}
    (parent,) = [it for it in beneath if it.name() != "bwrap" and it.ppid() in sandboxes]
    parent.kill()
    psutil.wait_procs([parent], 20)


@NEEDS_WARM
def test_parent_that_died_is_replaced_and_the_run_in_between_is_a_cold_one(place: Place) -> None:
    for number in (1, 2, 3):
        if number == 2:
            _kill_the_parent()
        assert place.run("import numpy\nprint('here')\n", number).code == 0
        assert place.said(number) == "here\n"
    assert place.warm.forked == 2
    assert place.cold == [GONE]


@NEEDS_WARM
def test_run_whose_parent_dies_under_it_is_done_again_as_a_cold_one(place: Place) -> None:
    assert place.run("import numpy\n", 1).code == 0
    program = """
import numpy
import os, time
print(sorted(os.listdir("run_2")), flush=True)
open("run_2/begun", "w")
time.sleep(2)
print("whole")
"""
    begun = place.root / "run_2" / "begun"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(place.run, program, 2)
        wait_for(begun.exists)
        _kill_the_parent()
        assert running.result().code == 0
    assert place.said(2) == "['stderr.log', 'stdout.log']\nwhole\n"
    assert place.cold == ["the warmed parent died under it, so that it is done again"]
    assert place.run("import numpy\n", 3).code == 0  # finds that another one is needed
    assert place.run("import numpy\n", 4).code == 0
    assert place.warm.forked == 3


@NEEDS_WARM
def test_parent_that_dies_again_and_again_is_replaced_so_many_times_only(place: Place) -> None:
    number = 0
    for _ in range(MAX_RESTARTS + 1):
        assert place.run("import numpy\n", number := number + 1).code == 0
        _kill_the_parent()
        assert place.run("import numpy\n", number := number + 1).code == 0
    assert place.run("import numpy\n", number + 1).code == 0
    assert place.warm.forked == MAX_RESTARTS + 1
    assert place.cold[:-1] == [GONE] * MAX_RESTARTS
    assert place.cold[-1].endswith("so may be later runs")


@NEEDS_WARM
def test_parent_that_dies_before_its_first_run_is_not_replaced(place: Place) -> None:
    for number in (1, 2):
        place.run("import numpy.f2py.__main__\n", number)  # a module that ends the program that imports it
    assert place.warm.forked == 0
    assert place.cold == ["the warmed parent did not get ready; so may be later runs"]


IMPORTS = {
    "import torch": ("torch",),
    '"""Doc."""\nimport os\nimport numpy as np\nimport json': ("numpy",),
    "import matplotlib.pyplot as plt\nfrom torch import nn": ("matplotlib.pyplot", "torch", "torch.nn"),
    "import os\nos.environ['A'] = '1'\nimport torch": (),
    "import own\nimport torch": (),
    "from . import own\nimport torch": (),
    "import numpy\nnumpy.seterr(all='raise')\nimport torch": ("numpy",),
    "if True:\n    import torch": (),
    "def": (),
    "\0": (),
    "(" * 10_000: (),
}


@pytest.mark.parametrize(("code", "modules"), IMPORTS.items(), ids=map(str, range(len(IMPORTS))))
def test_only_what_comes_first_is_imported_ahead(code: str, modules: tuple[str, ...]) -> None:
    assert first_imports(code) == modules


@NEEDS_WARM
def test_warm_runs_are_said_and_journaled_and_can_be_switched_off(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    code = bench.template / "experiment.py"
    code.write_text("import numpy\n" + code.read_text() + "    print('forked', os.path.exists('/.study'))\n")
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert "runs:    forked from a parent" in capsys.readouterr().out
    assert bench.of(StudyStarted)[0].setup.warm
    assert "forked True" in (bench.folder / "run_1" / "stdout.log").read_text()
    bench.folder.rename(bench.root / "first")
    assert bench.study(GOOD, "--max-runs", "2", "--cold-runs") == 0
    assert "runs:    each started anew" in capsys.readouterr().out
    assert not bench.of(StudyStarted)[0].setup.warm
    assert "forked False" in (bench.folder / "run_1" / "stdout.log").read_text()


@NEEDS_WARM
def test_run_that_is_cold_in_the_middle_of_a_study_is_said_once_and_journaled(
    bench: Bench, capsys: pytest.CaptureFixture
) -> None:
    code = bench.template / "experiment.py"
    code.write_text(f"import numpy\n{code.read_text()}")
    edit = block("experiment.py", "import numpy", "FIRST = True\nimport numpy")
    assert bench.study(GOOD | {"run_1.attempt_1": GOOD["run_1.attempt_1"] + edit}, "--max-runs", "2") == 0
    (cold,) = bench.of(StartedCold)
    assert (cold.run, cold.attempt) == (1, 1)
    line = f"run 1 is started anew, not forked: {cold.why}"
    assert capsys.readouterr().out.count(line) == 1
    assert cold.why in (bench.folder / "report.html").read_text()


def test_studies_side_by_side_say_that_their_runs_are_cold(bench: Bench) -> None:
    assert bench.study(GOOD, "--idea", "more_steps", "--max-runs", "2") == 0
    for path in bench.results.glob("tiny/*/journal.jsonl"):
        started = [entry.event for entry in read_journal(path) if isinstance(entry.event, StudyStarted)]
        assert [event.setup.warm for event in started] == [False]
