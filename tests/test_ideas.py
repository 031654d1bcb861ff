"""`ai-scientist ideas`: what is listed, what a model proposes and what becomes of it, and how ideas.json is written."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Bench, wait_for
from hypothesis import given
from hypothesis import strategies as st
from providers import Answer, Protocol, Provider, serving

from ai_scientist.__main__ import main
from ai_scientist.idea import Idea, read_ideas
from ai_scientist.ideas import file, similar
from ai_scientist.ideas.plain import lines, one_line

ROOT = Path(__file__).parent.parent
PROTOCOLS = pytest.mark.parametrize("protocol", ["openai", "anthropic"])
BOTH = {
    "Name": "momentum",
    "Title": "What momentum does",
    "Experiment": "Add momentum to the update. Run 1: 0.5. Run 2: 0.9. Compare the loss with plain descent.",
    "Interestingness": 6,
    "Feasibility": 9,
    "Novelty": 3,
}
OTHER = BOTH | {
    "Name": "weight_noise",
    "Title": "Does noise on the weight hurt?",
    "Experiment": "Draw normal noise with deviation 0.01, then 0.1, and add it to the parameter after each epoch.",
}


def said(idea: dict, **more: object) -> Answer:
    return Answer(json.dumps({"thoughts": "I considered it."} | idea | more))


def reflected(idea: dict, *, done: bool = True) -> Answer:
    return said(idea, done=done)


@contextmanager
def provided(protocol: Protocol, *answers: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with serving(protocol, answers) as provider:
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)
        yield provider


def ideas(bench: Bench, *flags: str) -> int:
    return main(["ideas", str(bench.template), *flags])


def entries(bench: Bench) -> list[dict]:
    return json.loads((bench.template / "ideas.json").read_text())


def one_line_of(capsys: pytest.CaptureFixture) -> str:
    out, err = capsys.readouterr()
    assert err.count("\n") == 1, err
    assert not out
    return err


# Listing


def test_list_shows_ratings_and_verdicts_on_plain_lines(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    listed = [
        BOTH | {"novelty_check": {"verdict": "close"}},
        OTHER | {"Title": "red \x1b[31m\u202etext", "Novelty": "?"},
    ]
    (bench.template / "ideas.json").write_text(json.dumps(listed))
    assert main(["ideas", "tiny", "--templates-dir", "templates"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["idea", "int.", "feas.", "nov.", "literature", "title"]
    assert first.split()[:5] == ["momentum", "6", "9", "3", "close"]
    assert second.split()[:5] == ["weight_noise", "6", "9", "-", "-"]
    assert second.endswith("red [31mtext")


def test_table_in_a_narrow_terminal_shows_whole_names_and_titles(bench: Bench) -> None:
    title = "What becomes of a line that is fitted by gradient descent with a rate that falls to zero, step by step"
    (bench.template / "ideas.json").write_text(json.dumps([BOTH | {"Name": "n" * 30, "Title": title}]))
    screen, terminal = os.openpty()
    command = [sys.executable, "-m", "ai_scientist", "ideas", str(bench.template)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm"}
    subprocess.run(command, stdout=terminal, env=environment, check=True)
    os.close(terminal)
    shown = os.read(screen, 100_000).decode()
    os.close(screen)
    assert "n" * 30 in shown
    words = re.sub(r"\x1b\[[0-9;]*m|[│\r\n]", " ", shown).split()
    assert [word for word in words if word in title.split()] == title.split()


def test_json_says_all_that_the_file_says(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    (bench.template / "ideas.json").write_text(json.dumps([BOTH | {"generated": {"model": "m"}, "mine": [1]}]))
    assert ideas(bench, "--json") == 0
    assert json.loads(capsys.readouterr().out) == [BOTH | {"generated": {"model": "m"}, "mine": [1]}]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["nowhere"], "is no folder"),
        (["tiny", "--generate", "1"], "set ANTHROPIC_API_KEY, or name another one with --model"),
        (["tiny", "--generate", "1", "--model", "claude-opus-4-6"], "set ANTHROPIC_API_KEY"),
        (["tiny", "--generate", "1", "--model", "openai/gpt-4o-mini"], "set OPENAI_API_KEY"),
        (["tiny", "--generate", "1", "--model", "nobodys-model"], "litellm does not know"),
        (["tiny", "--generate", "1", "--model", "claude-unheard-of", "--max-cost", "1"], "--price-in and --price-out"),
        (["tiny", "--generate", "1", "--model", "claude-opus-4-6", "--price-in", "1"], "belong together"),
    ],
)
def test_bad_input_is_one_line(
    bench: Bench, flags: list[str], message: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if "claude-unheard-of" in flags:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-1234567890")
    assert main(["ideas", *flags, "--templates-dir", "templates"]) == 2
    assert message in one_line_of(capsys)
    assert not (bench.template / "ideas_transcripts").exists()


@pytest.mark.parametrize(
    "flags",
    [["--generate", "0"], ["--generate", "many"], ["--reflections", "21"], ["--max-cost", "-1"], ["--no-such-flag"]],
)
def test_bad_flag_is_one_line(bench: Bench, flags: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as exit_:
        ideas(bench, *flags)
    assert exit_.value.code == 2
    assert flags[0] in one_line_of(capsys)


# Generating


@PROTOCOLS
def test_generated_idea_is_added_with_its_origin(
    bench: Bench, protocol: Protocol, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    answers = [said(BOTH), reflected(BOTH | {"Novelty": 2}, done=False), reflected(BOTH | {"Feasibility": 8})]
    with provided(protocol, *answers, monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model) == 0
    added = entries(bench)[-1]
    origin = added.pop("generated")
    assert added == BOTH | {"Feasibility": 8}
    assert (origin["model"], origin["reflections"]) == (provider.model, 2)  # it said that it was done
    assert origin["date"].startswith("20")
    price = {"openai": (0.15, 0.60), "anthropic": (3.0, 15.0)}[protocol]  # USD a million tokens, as published
    assert origin["cost"] == pytest.approx(3 * (1000 * price[0] + 100 * price[1]) / 1e6)
    assert "1 of 1 ideas added" in capsys.readouterr().out
    # The schema goes along as each protocol has it, and the template's material is in the prompt.
    first, _, third = provider.requests
    shape = first["response_format"]["json_schema"] if protocol == "openai" else first["output_config"]["format"]
    assert shape["schema"]["additionalProperties"] is False
    assert "done" not in shape["schema"]["properties"]
    for part in ("Find out what the learning rate does", "LEARNING_RATE = 0.1", "- more_steps: What more steps do"):
        assert part in json.dumps(first, ensure_ascii=False), part
    assert "I considered it." in json.dumps(third)
    # What was asked and answered is kept, without the key.
    (transcript,) = (bench.template / "ideas_transcripts").iterdir()
    assert len(transcript.read_text().splitlines()) == 3
    assert "-test-1234567890" not in transcript.read_text()


def test_reflections_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [said(BOTH), *[reflected(BOTH, done=False)] * 9]
    with provided("openai", *answers, monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model, "--reflections", "2") == 0
        assert len(provider.requests) == 3
        assert ideas(bench, "--generate", "1", "--model", provider.model, "--reflections", "0") == 1
        assert len(provider.requests) == 4


def test_what_is_known_is_dropped_and_why(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    again = BOTH | {"Name": "inertia", "Title": "What momentum does to it"}
    answers = [said(BOTH), said(again), said(OTHER | {"Name": "More-Steps"}), said(OTHER)]
    with provided("openai", *answers, monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "4", "--model", provider.model, "--reflections", "0") == 0
        assert "- momentum: What momentum does" in json.dumps(provider.requests[1])
    assert [entry["Name"] for entry in entries(bench)] == ["learning_rate", "more_steps", "momentum", "weight_noise"]
    out = capsys.readouterr().out
    assert 'it is much like "momentum" (similarity 0.9' in out
    assert 'it has the name of "more_steps"' in out
    assert "2 of 4 ideas added" in out


@PROTOCOLS
@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (Answer("I have no idea."), "not a JSON object"),
        (Answer('{"Name": "x", '), "not valid JSON"),
        (Answer("[" * 1000 + "{" * 100_000), "not valid JSON"),
        (Answer(json.dumps(BOTH), cut=True), "cut off at the output limit"),
        (said({"Name": "x"}), "Title: Field required"),
        (said(BOTH | {"Name": "../../etc"}), "no usable Name"),
        (said(BOTH | {"Experiment": " \x00 "}), "Experiment is empty"),
        (said(BOTH | {"Experiment": "long " * 5000}), "Experiment is 25,000 characters long"),
        (said(BOTH | {"Novelty": 11}), "Novelty must be 1 to 10"),
        (said(BOTH | {"Novelty": None}), "Novelty"),
    ],
    ids=str,
)
def test_invalid_reply_is_fed_back(
    bench: Bench, protocol: Protocol, bad: Answer, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provided(protocol, bad, said(BOTH), monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model, "--reflections", "0") == 0
    assert complaint in json.dumps(provider.requests[1]["messages"][-1])
    assert entries(bench)[-1]["Name"] == "momentum"


def test_reply_amid_prose_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", Answer(f"Here:\n```json\n{said(BOTH).text}\n```\n"), monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model, "--reflections", "0") == 0


def test_nothing_usable_ends_in_exit_code_1(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = (bench.template / "ideas.json").read_bytes()
    with provided("anthropic", Answer("\x1b[31mno"), monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "2", "--model", provider.model) == 1
        assert len(provider.requests) == 6
    assert capsys.readouterr().out.count("no idea: the model gave no usable reply") == 2
    assert (bench.template / "ideas.json").read_bytes() == before


def test_failed_reflection_keeps_the_proposal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", said(BOTH), Answer("no"), monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model) == 0
    assert entries(bench)[-1]["generated"]["reflections"] == 0


@PROTOCOLS
@pytest.mark.parametrize(
    "limit",
    [
        ("--max-cost", {"openai": "0.012", "anthropic": "0.28"}),
        ("--max-tokens", {"openai": "23000", "anthropic": "23000"}),
    ],
    ids=["cost", "tokens"],
)
def test_limit_stops_before_the_request_and_keeps_what_there_is(
    bench: Bench,
    protocol: Protocol,
    limit: tuple[str, dict],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """A request may take 16,384 tokens of reply and about 2,000 of prompt: a few fit, the rest is never sent."""
    flag, most = limit
    with provided(protocol, said(BOTH), reflected(BOTH, done=False), monkeypatch=monkeypatch) as provider:
        assert (
            ideas(bench, "--generate", "9", "--model", provider.model, "--reflections", "9", flag, most[protocol]) == 1
        )
        asked = len(provider.requests)
    assert 0 < asked < 9
    err = capsys.readouterr().err
    assert flag in err
    assert err.count("\n") == 1
    assert entries(bench)[-1]["Name"] == "momentum"
    assert ideas(bench, "--generate", "1", "--model", provider.model, flag, "0.000001" if "cost" in flag else "1") == 1
    assert len(provider.requests) == asked


def test_configured_model_and_limit_hold(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with provided("openai", said(BOTH), monkeypatch=monkeypatch) as provider:
        settings = bench.root / "pyproject.toml"
        settings.write_text(f'[tool.ai-scientist]\nmodel = "{provider.model}"\nmax-tokens = 10\nparallel = 2\n')
        assert ideas(bench, "--generate", "1", "--reflections", "0") == 1
        assert "--max-tokens 10" in capsys.readouterr().err
        assert provider.requests == []
        assert ideas(bench, "--generate", "1", "--reflections", "0", "--max-tokens", "100000") == 0
        settings.write_text("[tool.ai-scientist]\nmax-tokenz = 10\n")
        assert ideas(bench, "--generate", "1") == 2


def test_passing_faults_are_waited_out_and_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    faults = [
        Answer(status=529, error="Overloaded", kind="overloaded_error", headers={"retry-after": "0"}),
        Answer(fault="drop"),
    ]
    with provided("anthropic", *faults, said(BOTH), monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model, "--reflections", "0") == 0
    assert capsys.readouterr().out.count("Trying again in") == 2


@PROTOCOLS
def test_refused_key_is_said_and_not_shown(
    bench: Bench, protocol: Protocol, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    refused = Answer(status=401, error="sk-ant-test-1234567890 is wrong", kind="authentication_error")
    with provided(protocol, refused, monkeypatch=monkeypatch) as provider:
        monkeypatch.setenv(f"{protocol.upper()}_API_KEY", "sk-ant-test-1234567890")
        assert ideas(bench, "--generate", "1", "--model", provider.model) == 1
    err = capsys.readouterr().err
    assert "refuses the key" in err
    assert "-test-1234567890" not in err


def test_killed_midway_keeps_the_ideas_that_were_accepted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", said(BOTH), said(OTHER), Answer(fault="slow"), monkeypatch=monkeypatch) as provider:
        command = [sys.executable, "-m", "ai_scientist", "ideas", str(bench.template), "--generate", "3"]
        command += ["--model", provider.model, "--reflections", "0"]
        process = subprocess.Popen(command, cwd=bench.root, env=os.environ | {"PYTHONPATH": str(ROOT)})
        wait_for(lambda: len(provider.requests) == 3, 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [entry["Name"] for entry in entries(bench)][2:] == ["momentum", "weight_noise"]


def test_ctrl_c_amid_reflection_keeps_the_idea(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", said(BOTH), Answer(fault="slow"), monkeypatch=monkeypatch) as provider:
        command = [sys.executable, "-m", "ai_scientist", "ideas", str(bench.template), "--generate", "3"]
        command += ["--model", provider.model]
        process = subprocess.Popen(
            command,
            cwd=bench.root,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        wait_for(lambda: len(provider.requests) == 2, 60)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (1, "ai-scientist ideas: interrupted\n")
    assert entries(bench)[-1]["Name"] == "momentum"


# ideas.json


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[\n]\n",
        ' [ {"Name": "a", "Title": "b", "Experiment": "c"}\n,\n\t{"Name":"d","Title":"\\u00e9 ]","Experiment":"f"} ] ',
        '[\n    {\n        "Name": "a", "Title": "é", "Experiment": "c", "x": {"y": [1, 2]}\n    }\n]\n',
    ],
    ids=["empty", "empty lines", "odd", "four spaces"],
)
def test_append_leaves_what_stands_there_as_it_is(bench: Bench, text: str) -> None:
    path = bench.template / "ideas.json"
    path.write_text(text)
    before = read_ideas(path)
    assert file.append(bench.template, Idea("new", "é", "x", more={"k": 1}), lambda _: "") == ""
    after = path.read_text()
    kept = text.rstrip().removesuffix("]").rstrip()
    assert after.startswith(kept if before else kept[:1])
    assert read_ideas(path) == (*before, Idea("new", "é", "x", more={"k": 1}))
    if "    {" in text:
        assert '\n    {\n      "Name": "new"' in after


def test_seeds_are_kept_where_there_is_no_ideas_file_yet(bench: Bench) -> None:
    (bench.template / "ideas.json").rename(bench.template / "seed_ideas.json")
    file.append(bench.template, Idea("new", "t", "x"), lambda _: "")
    assert [entry["Name"] for entry in entries(bench)] == ["learning_rate", "more_steps", "new"]
    (bench.template / "ideas.json").unlink()
    (bench.template / "seed_ideas.json").unlink()
    file.append(bench.template, Idea("new", "t", "x"), lambda _: "")
    assert [entry["Name"] for entry in entries(bench)] == ["new"]


@pytest.mark.parametrize(
    ("content", "message"), [(b"[{", "not valid JSON"), (b"{}", "must be a list"), (b'["\xff"]', "not UTF-8")]
)
def test_damaged_file_is_not_touched_and_nothing_is_paid(
    bench: Bench, content: bytes, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (bench.template / "ideas.json").write_bytes(content)
    with provided("openai", said(BOTH), monkeypatch=monkeypatch) as provider:
        assert ideas(bench, "--generate", "1", "--model", provider.model) == 2
        assert provider.requests == []
    assert message in one_line_of(capsys)
    assert (bench.template / "ideas.json").read_bytes() == content


def _add_ten(folder: Path, who: int) -> None:
    for number in range(10):
        file.append(folder, Idea(f"idea_{who}_{number}", "t", "x"), lambda _: "")


def test_two_processes_do_not_lose_each_others_ideas(bench: Bench) -> None:
    forks = multiprocessing.get_context("spawn")
    workers = [forks.Process(target=_add_ten, args=(bench.template, who)) for who in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {entry["Name"] for entry in entries(bench)} >= {f"idea_{who}_{n}" for who in range(2) for n in range(10)}


def test_note_changes_one_idea_only(bench: Bench) -> None:
    before = (bench.template / "ideas.json").read_text()
    assert file.note(bench.template, "more_steps", {"novelty_check": {"verdict": "known"}})
    assert file.note(bench.template, "more_steps", {"novelty_check": {"verdict": "close"}})
    after = (bench.template / "ideas.json").read_text()
    assert after.splitlines()[1] == before.splitlines()[1]
    assert entries(bench)[1]["novelty_check"] == {"verdict": "close"}
    assert not file.note(bench.template, "gone", {"x": 1})


# Similarity and text


def test_ideas_that_ship_are_different_and_rewordings_are_found() -> None:
    for path in (Path(__file__).parent.parent / "templates").glob("*/ideas.json"):
        shipped = read_ideas(path)
        for idea in shipped:
            others = tuple(other for other in shipped if other is not idea)
            assert similar.match(idea, others) is None, (path, idea.name)
            words = idea.experiment.split()
            shorter = Idea("other_name", idea.title, " ".join(words[: int(0.8 * len(words))]))
            assert similar.match(shorter, others) is None
            assert similar.match(shorter, shipped), (path, idea.name)


@given(st.text(), st.lists(st.text(), max_size=5))
def test_similarity_is_between_0_and_1_and_1_for_the_same(text: str, others: list[str]) -> None:
    for value in similar.similarities(text, [*others, text]):
        assert 0 <= value < 1 + 1e-9
    if any(char.isalnum() for char in text):
        assert similar.similarities(text, [*others, text])[-1] == pytest.approx(1)


@given(st.text(max_size=200), st.integers(4, 50))
def test_text_of_others_is_harmless(text: str, limit: int) -> None:
    for made in (one_line(text, limit), lines(text, limit)):
        assert len(made) <= limit
        assert all(char.isprintable() or char in "\n\u2028\u2029" or char.isspace() for char in made)
        made.encode()
    assert "\n" not in one_line(text, limit)
