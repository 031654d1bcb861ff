"""What runs leave in their folders: git obeys none of it, and no depth or number of it stops a study."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOOD, Bench, block

from ai_scientist import folders
from ai_scientist.study.events import AttemptEnded, PlotEnded
from ai_scientist.study.history import History


def git(folder: Path, *arguments: str) -> str:
    """Git as a person would call it."""
    who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    return subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def _names_a_program(place: Path, program: Path) -> None:
    with (place / ".git" / "config").open("a") as config:
        config.write(f'[core]\n\tfsmonitor = "touch {program}; false"\n\thooksPath = "{place}"\n')
        config.write(f'[filter "x"]\n\tclean = "touch {program}; cat"\n\tsmudge = "touch {program}; cat"\n')
        config.write(f'[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n[gpg]\n\tprogram = "{program}"\n')


def _repository(out: Path) -> None:
    git(out, "init", "--quiet")
    git(out, "add", "final_info.json")
    git(out, "commit", "--quiet", "-m", "x")
    _names_a_program(out, out.parent.parent / "ESCAPED")


def _link_to_a_repository(out: Path) -> None:
    (out / "inner").mkdir()
    git(out / "inner", "init", "--quiet")
    _names_a_program(out / "inner", out.parent.parent / "ESCAPED")
    (out / ".git").write_text("gitdir: inner/.git\n")


def _git_version() -> tuple[int, ...]:
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in said.split()[2].split(".")[:2])


LEAVINGS: dict[str, Callable[[Path], object]] = {
    "repository": _repository,
    "link": _link_to_a_repository,
    "broken": lambda out: (out / ".git").mkdir(),
    "attributes": lambda out: (out / ".gitattributes").write_text("*.json working-tree-encoding=UTF-16 filter=x\n"),
    "ignore": lambda out: (out / ".gitignore").write_text("!*\n"),
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    (root / "run_1").mkdir(parents=True)
    (root / "experiment.py").write_text("first")
    (root / "run_1" / "final_info.json").write_text("{}")
    (root / "run_1" / "model.bin").write_bytes(b"large")
    return root


@pytest.mark.parametrize("leave", LEAVINGS.values(), ids=LEAVINGS)
def test_git_obeys_nothing_that_a_run_left(study: Path, leave: Callable[[Path], object]) -> None:
    History(study).create()
    leave(study / "run_1")
    first = History(study).commit("first")
    (study / "experiment.py").write_text("second")
    (study / "run_1" / "final_info.json").write_text("[]")
    History(study).restore(first)
    assert History(study).commit("nothing new") == first
    assert not (study.parent / "ESCAPED").exists()
    assert git(study, "ls-tree", "-r", "--name-only", first).split() == ["experiment.py", "run_1/final_info.json"]
    assert (study / "experiment.py").read_text() == "first"
    assert (study / "run_1" / "final_info.json").read_text() == "{}"
    assert (study / "run_1" / "model.bin").exists()


@pytest.mark.skipif(_git_version() < (2, 36), reason="this git does not tell what it flushes")
def test_commit_is_on_disk_when_it_is_named(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As git itself counts what it has flushed; by default it does not flush objects."""
    real, trace = shutil.which("git"), tmp_path / "trace"
    (tmp_path / "git").write_text(f'#!/bin/sh\nGIT_TRACE2_EVENT={trace} exec {real} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    History(study).create()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    commit = History(study).commit("first")
    counted = [json.loads(line) for line in trace.read_text().splitlines() if '"fsync/hardware-flush"' in line]
    objects = git(study, "rev-list", "--objects", "--no-object-names", commit).split()
    assert sum(int(it["value"]) for it in counted) >= len(objects)


def test_what_a_power_failure_leaves_of_git_is_no_obstacle(study: Path) -> None:
    History(study).create()
    first = History(study).commit("first")
    (study / "experiment.py").write_text("second")
    for name in ("index.lock", "HEAD.lock", "refs/heads/main.lock", "index"):
        (study / ".git" / name).write_bytes(b"")
    History(study).restore(first)
    assert (study / "experiment.py").read_text() == "first"
    assert History(study).commit("nothing new") == first


def test_settings_of_the_studys_own_repository_start_no_program(study: Path) -> None:
    History(study).create()
    first = History(study).commit("first")
    _names_a_program(study, study.parent / "ESCAPED")
    hook = study / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {study.parent / 'ESCAPED'}\n")
    hook.chmod(0o755)
    (study / ".gitattributes").write_text("* filter=x\n")
    (study / "experiment.py").write_text("second")
    History(study).restore(first)
    History(study).commit("second")
    History(study).tag("run_1")
    assert not (study.parent / "ESCAPED").exists()


def test_repository_of_a_folder_above_is_not_taken_for_the_studys(study: Path) -> None:
    git(study.parent, "init", "--quiet")
    with pytest.raises(Exception, match="not a git repository"):
        History(study).commit("first")


def test_link_in_place_of_a_runs_folder_is_not_written_through(study: Path, tmp_path: Path) -> None:
    History(study).create()
    first = History(study).commit("first")
    (tmp_path / "elsewhere").mkdir()
    folders.remove(study / "run_1")
    (study / "run_1").symlink_to(tmp_path / "elsewhere")
    History(study).restore(first)
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (study / "run_1" / "final_info.json").read_text() == "{}"


def test_what_git_would_obey_is_renamed_when_a_run_has_ended(bench: Bench) -> None:
    leave = "import pathlib, sys\nout = sys.argv[1].partition('=')[2]\n"
    leave += "pathlib.Path(out, '.git').mkdir()\npathlib.Path(out, '.gitignore').write_text('!*')"
    replies = GOOD | {"run_1.attempt_1": GOOD["run_1.attempt_1"].replace("RATE = 0.2", f"RATE = 0.2\n{leave}")}
    assert bench.study(replies, "--max-runs", "2") == 0
    left = {path.name for path in bench.folder.glob("run_[12]/*git*")}
    assert left == {"_git", "_gitignore"}
    assert [path.name for path in bench.folder.glob(".git*")] == [".git"]


def test_plot_py_that_spoils_its_folder_is_no_fault_of_the_disk(bench: Bench) -> None:
    spoil = "import os\nos.remove('plot.py')\nos.makedirs('plot.py/x')\nos.chmod('.', 0)\nimport json"
    replies = GOOD | {"plot.attempt_1": GOOD["plot.attempt_1"] + block("plot.py", "import json", spoil)}
    assert bench.study(replies, "--max-runs", "2") == 1
    assert bench.of(PlotEnded)
    assert (bench.folder / "plot_output").stat().st_mode & 0o777 == 0o755
    assert not (bench.folder / "plot_output" / "plot.py").exists()


def test_folders_nested_by_the_thousand_are_measured_and_removed(tmp_path: Path) -> None:
    place, top = os.getcwd(), tmp_path / "top"  # noqa: PTH109
    top.mkdir()
    os.chdir(top)
    for _ in range(3000):
        os.mkdir("d" * 50)  # noqa: PTH102 - a path of this length cannot be named
        os.chdir("d" * 50)
    Path("file").touch()
    os.chmod(".", 0)  # noqa: PTH101
    os.chdir(place)
    with pytest.raises(folders.Overgrown, match="nested more than 64 deep"):
        list(folders.walk(top))
    folders.disarm(top)
    folders.remove(top)
    assert not list(tmp_path.iterdir())


def test_run_that_nests_folders_by_the_thousand_is_stopped_and_told(bench: Bench) -> None:
    nest = "import os\nif os.path.isdir('run_1'):\n    os.chdir('run_1')\n"
    nest += "    for _ in range(3000): os.mkdir('d'); os.chdir('d')\n    raise SystemExit"
    replies = {"run_1.attempt_1": GOOD["run_1.attempt_1"].replace("RATE = 0.2", f"RATE = 0.2\n{nest}")}
    bench.study(replies, "--max-runs", "1")
    (attempt,) = bench.of(AttemptEnded)
    folders.remove(bench.results)  # pytest itself cannot
    assert (attempt.outcome, attempt.feedback) == ("stopped", "Its folder has folders nested more than 64 deep.")
