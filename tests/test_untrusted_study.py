"""Study folders from others, gone on with by --resume: their journal and their files decide nothing that is ours."""

import json
import os
import shutil
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import GOOD, Bench, rewritten

from ai_scientist import launch
from ai_scientist.errors import StudyError, UsageError
from ai_scientist.flags import parse
from ai_scientist.foreign import refuse, remember
from ai_scientist.lab import Engine, JobId, Limits, Usage
from ai_scientist.places import begun
from ai_scientist.report.index import write_index
from ai_scientist.report.study import read_study
from ai_scientist.study.baseline import kept
from ai_scientist.study.events import AttemptEnded, AttemptStarted, Event, StudyResumed, StudyStarted, TurnEnded
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.history import History
from ai_scientist.study.journal import Journal

LAUNCHER = Path(__file__).parents[1] / "launch_scientist.py"


@pytest.fixture
def foreign(bench: Bench) -> Bench:
    """An interrupted study; one more reply and it would be complete."""
    replies = dict(GOOD)
    last = replies.pop("run_2.attempt_1")
    assert bench.study(replies, "--max-runs", "2") == 1
    (bench.root / "recording" / "run_2.attempt_1.md.j2").write_text(last)
    begun().unlink()
    return bench


def resume(bench: Bench, *flags: str) -> int:
    return launch.main(["--resume", str(bench.folder), *flags])


def begun_with(bench: Bench, **fields: object) -> None:
    def change(event: Event) -> Event:
        return replace(event, setup=replace(event.setup, **fields)) if isinstance(event, StudyStarted) else event  # type: ignore[arg-type]

    rewritten(bench.folder, change)


def test_study_that_was_begun_here_goes_on_as_it_was_begun(foreign: Bench) -> None:
    begun_with(foreign, network=True, price=(1.0, 2.0), data=(str(foreign.template),))
    assert resume(foreign) == 2
    remember(StudyFolder(foreign.folder))
    assert resume(foreign) == 0
    (resumed,) = foreign.of(StudyResumed)
    assert (resumed.setup.network, resumed.setup.price) == (True, (1.0, 2.0))


def test_key_is_not_sent_where_a_journal_says(
    foreign: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The name of a model can hold an address, to which litellm sends the key of its provider."""
    monkeypatch.setenv("HUGGINGFACE_API_KEY", "hf_0123456789")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        model = f"huggingface/http://127.0.0.1:{listener.getsockname()[1]}/x"
        begun_with(foreign, recording="", model=model)
        for place in (foreign.folder, foreign.results):
            assert launch.main(["--resume", str(place)]) == 2
            assert f"was done with --model {model}, and its folder may be another's" in capsys.readouterr().err
        with pytest.raises(TimeoutError):
            listener.accept()


def test_model_of_the_own_configuration_goes_on(foreign: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    own = foreign.root / "configuration" / "ai-scientist" / "config.toml"
    own.parent.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(foreign.root / "configuration"))
    setup = replace(foreign.of(StudyStarted)[0].setup, model="openai/mine", recording="")
    flags = parse(["--resume", str(foreign.folder)])
    for path, content in ((Path("pyproject.toml"), "[tool.ai-scientist]\n"), (own, "")):
        with pytest.raises(UsageError, match="--model openai/mine"):
            refuse(foreign.folder, setup, flags)
        path.write_text(f'{content}model = "openai/mine"\n')
    refuse(foreign.folder, setup, flags)


def test_modules_of_the_folder_one_stands_in_are_not_imported(foreign: Bench) -> None:
    """`python -c` looks for modules there first; the interpreter is asked so, and members of a batch are forked so."""
    for name in ("json", "platform", "struct", "selectors", "socket", "signal", "threading", "tempfile", "random"):
        (foreign.root / f"{name}.py").write_text(f"open({str(foreign.root / 'owned')!r}, 'w')\nraise ImportError\n")
    command = [sys.executable, str(LAUNCHER), "--idea", "learning_rate", "--idea", "more_steps", "--max-runs", "2"]
    command += ["--recording", str(foreign.record(GOOD)), "--templates-dir", "templates"]
    done = subprocess.run(command, cwd=foreign.root, capture_output=True, text=True, check=False)
    assert not (foreign.root / "owned").exists()
    assert done.returncode == 0, done.stdout + done.stderr


SAID: dict[str, dict[str, object]] = {
    "--allow-network": {"network": True},
    "--price-in 0 --price-out 0": {"price": (0.0, 0.0)},
    "--executor ray --ray-address 10.0.0.1:6379": {"engine": Engine("ray", "10.0.0.1:6379")},
    "--executor slurm --slurm-options uid=root": {"engine": Engine("slurm", "", (("uid", "root"),))},
}


@pytest.mark.parametrize(("words", "fields"), SAID.items(), ids=SAID)
def test_what_a_journal_switches_on_is_said_again(
    foreign: Bench, words: str, fields: dict[str, object], capsys: pytest.CaptureFixture
) -> None:
    begun_with(foreign, **fields)
    assert resume(foreign) == 2
    said = capsys.readouterr()
    assert f"was done with {words}, and its folder may be another's" in said.err
    assert said.err.count("\n") == 1
    assert not foreign.of(StudyResumed)
    if "executor" not in words:
        assert resume(foreign, *words.split()) == 0


def test_command_to_go_on_says_what_has_to_be_said(foreign: Bench, capsys: pytest.CaptureFixture) -> None:
    data = foreign.root / "my data"
    data.mkdir()
    begun_with(foreign, network=True, price=(1.0, 2.0), data=(str(data),))
    assert resume(foreign, "--allow-network", "--price-in", "1", "--price-out", "2") == 2
    assert f"would read {data}" in capsys.readouterr().err
    (foreign.root / "recording" / "run_2.attempt_1.md.j2").unlink()
    flags = ["--price-in", "1", "--price-out", "2", "--allow-network", "--data", str(data)]
    assert resume(foreign, *flags) == 1
    (foreign.root / "recording" / "run_2.attempt_1.md.j2").write_text(GOOD["run_2.attempt_1"])
    command = capsys.readouterr().out.split("Go on with: ")[-1].splitlines()[0]
    assert command.endswith(f"--price-in 1 --price-out 2 --allow-network --data '{data}'")
    assert resume(foreign, *flags) == 0


def test_data_that_the_own_template_declares_goes_on(foreign: Bench) -> None:
    data = foreign.root / "points"
    data.mkdir()
    begun_with(foreign, data=(str(data),))
    assert resume(foreign) == 2
    settings = foreign.template / "template.toml"
    settings.write_text(f'data = ["{data}"]\n{settings.read_text()}')
    assert resume(foreign, "--templates-dir", "templates") == 0


def test_folder_is_not_copied_because_a_journal_calls_it_a_baseline(foreign: Bench) -> None:
    private = foreign.root / "private"
    private.mkdir()
    (private / "id_rsa").write_text("private key")
    first = (foreign.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)[0]
    (foreign.folder / "journal.jsonl").write_bytes(first)
    begun_with(foreign, baseline=str(private))
    assert resume(foreign) == 1
    assert not (foreign.folder / "run_0" / "id_rsa").exists()


def test_limits_that_are_none_are_not_kept(foreign: Bench) -> None:
    """And versions that are not told are no reason for a traceback."""
    begun_with(foreign, versions={}, limits=Limits(7200, None, None, None, None, 1000_000))
    assert resume(foreign) == 0
    limits = foreign.of(StudyResumed)[0].setup.limits
    assert limits.memory_bytes
    assert limits.processes == 1000
    assert limits.disk_bytes == 1000_000


def test_profile_does_not_lead_out_of_the_kept_baselines(foreign: Bench) -> None:
    folder, setup = StudyFolder(foreign.folder), foreign.of(StudyStarted)[0].setup
    assert kept(foreign.root, folder, replace(setup, profile="../../x")).parent == foreign.root


def test_cluster_that_only_a_journal_names_is_not_connected_to(foreign: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        job = JobId("ray", "run-1", f"127.0.0.1:{listener.getsockname()[1]}")
        with Journal(foreign.folder / "journal.jsonl") as journal:
            journal.append(AttemptStarted(2, 1, job))
        assert resume(foreign) == 0
        with pytest.raises(TimeoutError):
            listener.accept()


LINKED = ("log.txt", "transcript.jsonl", "journal.jsonl", "run_2", "failed", ".git", ".git/info/exclude", ".git/refs")


@pytest.mark.parametrize("name", LINKED)
def test_nothing_is_written_through_links(foreign: Bench, name: str, capsys: pytest.CaptureFixture) -> None:
    there = foreign.root / "elsewhere"
    place = foreign.folder / name
    if place.exists():
        place.rename(there)
    else:
        there.mkdir()
    before = sorted((path, path.is_file() and path.read_bytes()) for path in [there, *there.rglob("*")])
    place.symlink_to(there)
    assert launch.main(["--resume", str(place.parent if place.parent.name.startswith("2") else foreign.folder)]) == 2
    assert f"{place} is a link, which no study has" in capsys.readouterr().err
    assert sorted((path, path.is_file() and path.read_bytes()) for path in [there, *there.rglob("*")]) == before


ODD: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "endless": lambda it: it.symlink_to("/dev/zero"),
    "huge": lambda it: (it.touch(), os.truncate(it, 10**12)),
    "deep": lambda it: it.write_bytes(_line(b'"number":1,"time":"","event":"Stopped","data":' + b"[" * 100_000)),
}


def _line(rest: bytes) -> bytes:
    return b'{"sum":"%08x",' % zlib.crc32(rest) + rest + b"\n"


@pytest.mark.parametrize("name", ["journal.jsonl", "transcript.jsonl"])
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_records_of_a_neighbour_do_not_stop_the_index(
    foreign: Bench, make: Callable[[Path], object], name: str
) -> None:
    neighbour = foreign.results / "tiny" / "neighbour"
    shutil.copytree(foreign.folder, neighbour)
    (neighbour / name).unlink()
    make(neighbour / name)
    write_index(foreign.results)
    assert read_study(neighbour).gaps


def test_what_a_journal_calls_a_commit_is_no_option_of_git(foreign: Bench) -> None:
    mine = foreign.root / "mine"
    mine.write_text("mine")

    def option(event: Event) -> Event:
        return replace(event, commit=f"--output={mine}") if isinstance(event, AttemptEnded | TurnEnded) else event

    rewritten(foreign.folder, option)
    assert resume(foreign) == 1
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["/{}/out", "../out", "a/../../out", ".git/hooks/out", "journal.jsonl", ".hidden"])
def test_history_restores_files_of_a_study_alone(foreign: Bench, name: str) -> None:
    root = foreign.folder
    path = name.format(foreign.root)
    journal = (root / "journal.jsonl").read_bytes()

    def git(*words: str, given: bytes) -> str:
        done = subprocess.run(["git", *words], cwd=root, input=given, capture_output=True, check=True)
        return done.stdout.decode().strip()

    blob = git("hash-object", "-w", "--stdin", given=b"out")
    entry = b"100644 " + path.encode() + b"\0" + bytes.fromhex(blob)
    tree = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=entry)
    who = b"x <x@y> 0 +0000"
    text = b"tree " + tree.encode() + b"\nauthor " + who + b"\ncommitter " + who + b"\n\nx\n"
    commit = git("hash-object", "-t", "commit", "-w", "--stdin", given=text)
    with pytest.raises(StudyError, match="is no file of a study"):
        History(root).restore(commit)
    assert not list(foreign.root.rglob("out"))
    assert (root / "journal.jsonl").read_bytes() == journal


@pytest.mark.parametrize("usage", [{"cost": -1000.0}, {"cost": float("nan")}, {"prompt_tokens": -1_000_000}])
@pytest.mark.parametrize("file", ["journal", "transcript"])
def test_usage_makes_no_room_in_a_budget(foreign: Bench, file: str, usage: dict[str, float]) -> None:
    if file == "transcript":
        path = foreign.folder / "transcript.jsonl"
        first, *rest = path.read_text().splitlines(keepends=True)
        record = json.loads(first)
        record["usage"] |= usage
        path.write_text("".join([json.dumps(record) + "\n", *rest]))
    else:
        forged = Usage()
        vars(forged).update(usage)
        rewritten(foreign.folder, lambda it: replace(it, usage=forged) if isinstance(it, TurnEnded) else it)
    assert resume(foreign, "--max-cost", "5") == 1


def test_single_study_is_tried_inside_the_sandbox_before_it_goes_on(foreign: Bench) -> None:
    begun_with(foreign, device="NVIDIA H100")
    assert resume(foreign) == 1
    assert not foreign.of(StudyResumed)
