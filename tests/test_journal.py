"""The journal: what is written is read again, what was torn is dropped, what was changed is found."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_scientist.errors import StudyError
from ai_scientist.interrupts import interruptible
from ai_scientist.lab import JobId, ProcessId, Turn, Usage
from ai_scientist.metrics import Measurement
from ai_scientist.secrets import mask
from ai_scientist.study.events import AttemptEnded, AttemptStarted, Event, Stopped, StudyEnded, TurnEnded
from ai_scientist.study.journal import Entry, Journal, decode, encode, read_journal, spent_seconds

texts = st.text(max_size=50)
finite = st.floats(allow_nan=False, allow_infinity=False)
measurements = st.builds(Measurement, finite, st.none() | finite, st.lists(finite, max_size=3).map(tuple))
metrics = st.dictionaries(texts, st.dictionaries(texts, measurements, max_size=2), max_size=2)
turns = st.builds(
    Turn,
    st.integers(1, 99),
    st.sampled_from(["run", "notes", "plot", "describe"]),
    st.integers(0, 9),
    st.integers(1, 9),
)
usages = st.builds(
    Usage, st.integers(0, 9), st.integers(0, 10**9), st.integers(0, 10**9), st.just(0), st.none() | st.floats(0, 1e9)
)
processes = st.builds(ProcessId, st.integers(1), st.integers(0)) | st.builds(
    JobId, st.sampled_from(["ray", "slurm"]), texts, texts
)
events = st.one_of(
    st.builds(Stopped, texts),
    st.builds(StudyEnded, st.booleans(), st.lists(texts, max_size=3).map(tuple)),
    st.builds(AttemptStarted, st.integers(-1, 9), st.integers(1, 9), processes),
    st.builds(
        AttemptEnded, st.integers(1, 9), st.integers(1, 9), st.sampled_from(["ok", "crashed", "timed_out"]), finite,
        st.none() | metrics, texts, texts, texts,
    ),
    st.builds(
        TurnEnded, turns, st.sampled_from(["applied", "unchanged", "malformed", "forbidden"]),
        st.lists(texts, max_size=3).map(tuple), texts, st.booleans(), texts, usages, finite, texts,
    ),
)  # fmt: skip
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(event=events, number=st.integers(1, 10**6))
def test_every_event_is_read_as_it_was_written(event: Event, number: int) -> None:
    line = encode(Entry(NOW, event), number)
    assert line.count(b"\n") == 1
    assert decode(line, number, Path("journal.jsonl")) == Entry(NOW, event)


@given(event=events, data=st.data())
def test_any_flipped_bit_is_found(event: Event, data: st.DataObject) -> None:
    line = bytearray(encode(Entry(NOW, event), 3))
    position = data.draw(st.integers(0, len(line) - 2))
    line[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StudyError, match="line 3"):
        decode(bytes(line), 3, Path("journal.jsonl"))


def _written(path: Path) -> bytes:
    with Journal(path, create=True) as journal:
        for reason in ("one", "two", "three"):
            journal.append(Stopped(reason))
    return path.read_bytes()


def test_torn_last_line_is_dropped_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    content = _written(path)
    start = content[:-1].rfind(b"\n") + 1
    for end in range(start, len(content)):
        path.write_bytes(content[:end])
        with Journal(path) as journal:
            assert [event.reason for event in journal.events] == ["one", "two"]
            journal.append(Stopped("three"))
        assert [entry.event for entry in read_journal(path)] == [Stopped("one"), Stopped("two"), Stopped("three")]


def test_damage_in_the_middle_is_named_by_line_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    content = _written(path).replace(b'"two"', b'"TWO"')
    path.write_bytes(content)
    with pytest.raises(StudyError, match="line 2, is damaged"):
        Journal(path)
    assert path.read_bytes() == content


def test_missing_line_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first, _, third = _written(path).splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(StudyError, match="line 2, is numbered 3"):
        Journal(path)


def test_clock_that_is_set_back_makes_no_room_in_a_limit_of_hours() -> None:
    times = (0, 100, -5000, -4900)
    entries = [Entry(NOW + timedelta(seconds=it), Stopped("x")) for it in times]
    assert spent_seconds(entries) == (200, 0)
    assert spent_seconds(entries, NOW - timedelta(days=1)) == (200, 0)


def test_second_process_is_kept_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, create=True), pytest.raises(StudyError, match="another process is working on"):
        Journal(path)
    Journal(path).__exit__()


def test_write_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "journal.jsonl"
    content = _written(path)
    with Journal(path) as journal:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 20, before[1]))
        try:
            with pytest.raises(StudyError, match="Make space"):
                journal.append(Stopped("does not fit"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert path.read_bytes() == content
        journal.append(Stopped("fits"))
    assert [entry.event for entry in read_journal(path)][-1] == Stopped("fits")


@pytest.mark.parametrize("secret", ["timed_out", "AttemptEnded", "00000000", "feedback", '":null,"', 'pa"ss\\wo\trd-é'])
def test_no_secret_makes_a_journal_unreadable(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """Texts are masked, also where they quote the secret as Python or JSON would; what a study goes by is not."""
    monkeypatch.setenv("DATABASE_PASSWORD", secret)
    said = f"it said {secret} and {secret!r} and {json.dumps(secret)}"
    event = AttemptEnded(1, 1, "timed_out", 1.0, {"a": {"b": Measurement(10000000.5, None, ())}}, said, "c", "")
    line = encode(Entry(NOW, event), 1)
    read = decode(line, 1, Path("journal.jsonl")).event
    assert isinstance(read, AttemptEnded)
    assert (read.outcome, read.metrics) == ("timed_out", event.metrics)
    assert read.feedback == "it said [masked] and '[masked]' and \"[masked]\""


def test_secrets_are_known_by_their_names_and_in_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GH_PAT", "MYSQL_PWD", "OPENAI_AUTH", "SSH_PASSPHRASE"):
        monkeypatch.setenv(name, f"value-of-{name}")
        assert mask(f"<value-of-{name}>") == "<[masked]>"
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hunter%40hunter2@host/name")
    assert mask("me hunter%40hunter2 hunter@hunter2 host") == "me [masked] [masked] host"
    monkeypatch.setenv("PWD", "/home/somebody")
    assert mask("/home/somebody") == "/home/somebody"


def test_interrupt_during_a_write_is_held_back_until_it_is_done(tmp_path: Path) -> None:
    """Ctrl-C at any moment of a write: no event is lost, doubled or torn."""
    path = tmp_path / "journal.jsonl"
    with Journal(path, create=True) as journal:
        for number in range(60):
            interrupt = threading.Timer(number / 20_000, os.kill, (os.getpid(), signal.SIGINT))
            with contextlib.suppress(KeyboardInterrupt), interruptible():
                interrupt.start()
                while True:
                    journal.append(Stopped("interrupted"))
            interrupt.join()
        assert [entry.event for entry in read_journal(path)] == list(journal.events)


def _interrupted(work: Callable[[], None]) -> bool:
    try:
        with interruptible():
            work()
    except KeyboardInterrupt:
        return True
    return False


def test_signals_that_come_together_are_one_interruption() -> None:
    ended = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            ended.append("what is to be done at the end")

    assert _interrupted(work)
    assert ended


def test_interrupt_does_not_leave_imports_locked() -> None:
    """One that comes amid the code that imports waits until that is through."""
    passed: list[int] = []
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\npassed.append(1)"

    def work() -> None:
        exec(compile(code, "<frozen importlib._bootstrap>", "exec"), {"passed": passed})
        time.sleep(20)

    assert _interrupted(work)
    assert passed


def test_masking_bears_a_variable_that_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of numpy sets and unsets one, in whatever thread it happens."""
    over = threading.Event()

    def change() -> None:
        while not over.is_set():
            os.environ["COMES_AND_GOES"] = "1"
            del os.environ["COMES_AND_GOES"]

    monkeypatch.delenv("COMES_AND_GOES", raising=False)
    changing = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    changing.start()
    try:
        assert {mask("text") for _ in range(2000)} == {"text"}
    finally:
        over.set()
        changing.join()
        sys.setswitchinterval(interval)
