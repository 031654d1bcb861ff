"""Recordings and transcripts as a model's stand-in: what they may see, and how they fail."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_scientist.agents.model import Reply, Request
from ai_scientist.agents.recording import Recording
from ai_scientist.agents.transcript import Replay, Transcript
from ai_scientist.errors import RecordingError, StudyError
from ai_scientist.lab import Turn, Usage

TURN = Turn(3, "run", 2, 1)
REQUEST = Request(TURN, 0, ({"role": "user", "content": "u"},), "u")


def _rendered(tmp_path: Path, text: str) -> str:
    (tmp_path / "run_2.attempt_1.md.j2").write_text(text)
    return Recording(tmp_path, lambda: {"loss": 0.25, "runs": [1, 2]}).reply(REQUEST).text


def test_reply_is_rendered_over_the_facts(tmp_path: Path) -> None:
    assert _rendered(tmp_path, "The loss is {{ '%.1f' | format(100 * loss) }}%.\n") == "The loss is 25.0%.\n"


def test_parts_may_be_shared(tmp_path: Path) -> None:
    (tmp_path / "_words.j2").write_text("{% macro say() %}loss {{ loss }}{% endmacro %}")
    assert _rendered(tmp_path, '{% import "_words.j2" as words with context %}{{ words.say() }}') == "loss 0.25"


@pytest.mark.parametrize(
    "text",
    [
        "{{ unknown }}",
        "{{ loss / 0 }}",
        "{{ loss",
        "{{ ''.__class__.__mro__ }}",
        "{{ runs.append(3) }}",
        "{{ cycler.__init__.__globals__.os.system('touch pwned') }}",
        "{% include '../secret.txt' %}",
        "{% include '/etc/passwd' %}",
        "{% include 'secret.txt' %}",
        "{% include 'up/secret.txt' %}",
        "{% include 'fifo' %}{# of run_2.attempt_1 #}",
        "{{ 'x' * 10000000 }}",
        "{% for i in range(100000000) %}x{% endfor %}",
    ],
)
def test_wrong_or_hostile_recording_is_one_clear_error(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "secret.txt").symlink_to("../secret.txt")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "fifo")
    with pytest.raises(RecordingError, match=r"run_2\.attempt_1|secret\.txt|passwd|fifo is not a regular file"):
        _rendered(folder, text)


def test_missing_reply_names_the_turn_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"run_2\.attempt_1.*--model NAME"):
        Recording(tmp_path, dict).reply(REQUEST)


texts = st.text(max_size=100)


@given(
    said=texts,
    reply=texts,
    finish=st.sampled_from(["stop", "length"]),
    cost=st.none() | st.floats(0, 1e6),
    index=st.integers(0, 5),
)
def test_transcript_gives_back_what_was_written(
    said: str, reply: str, finish: str, cost: float | None, index: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("study") / "transcript.jsonl"
    request = Request(TURN, index, ({"role": "user", "content": said},), said)
    answer = Reply(reply, finish, Usage(1, 2, 3, 4, cost))
    Transcript(path).append(request, answer, "model")
    again = Transcript(path)
    found = again.find(request)
    assert found is not None
    assert found.as_reply() == answer
    assert Replay(path).reply(request) == answer
    assert again.history([TURN.number]) == [{"role": "user", "content": said}, {"role": "assistant", "content": reply}]


def test_torn_last_line_is_dropped_and_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    transcript = Transcript(path)
    for index in range(3):
        transcript.append(Request(TURN, index, (), "u"), Reply("r", "stop", Usage()), "model")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert Replay(path).reply(Request(TURN, 1, (), "u")).text == "r"
    assert len(Transcript(path).exchanges) == 2
    path.write_bytes(whole.replace(b'"index": 1', b'"index": "x"'))
    with pytest.raises(StudyError, match="line 2"):
        Transcript(path)


@pytest.mark.parametrize("content", ["not json\n", "{}\n", "[1]\n", json.dumps({"turn": 1}) + "\n", "[" * 5000 + "\n"])
def test_file_that_is_no_transcript_is_one_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_text(content)
    with pytest.raises(RecordingError, match="line 1"):
        Replay(path)


def test_replay_without_a_reply_names_the_turn(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    Transcript(path).append(Request(Turn(1, "plot", 0, 1), 0, (), "u"), Reply("r", "stop", Usage()), "model")
    with pytest.raises(RecordingError, match=r"run_2\.attempt_1"):
        Replay(path).reply(REQUEST)
