"""An idea that a person brings by --idea-file or --idea-text is pursued, and the template stays as it is."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import GOOD, Bench
from hypothesis import given
from hypothesis import strategies as st

from ai_scientist import launch
from ai_scientist.idea import NAME
from ai_scientist.ideas.bring import MAX_TITLE, from_text
from ai_scientist.study.events import StudyStarted

MINE = {"Name": "mine", "Title": "My own", "Experiment": "Double the rate.", "my_key": [1]}


def _launch(bench: Bench, *flags: str) -> int:
    return launch.main(["--templates-dir", "templates", "--results-dir", "results", *flags])


def _write(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    "flags",
    [("--idea-file", "mine.json"), ("--idea-text", "Double the learning rate. Then see.")],
    ids=["file", "text"],
)
def test_own_idea_is_pursued_and_the_template_is_left_alone(bench: Bench, flags: tuple[str, str]) -> None:
    _write(bench.root / "mine.json", MINE)
    before = {path: path.read_bytes() for path in bench.template.iterdir()}
    assert _launch(bench, *flags, "--recording", str(bench.record(GOOD)), "--max-runs", "2") == 0
    (started,) = bench.of(StudyStarted)
    if flags[0] == "--idea-file":
        assert started.setup.idea.as_json() == {**MINE, "Interestingness": 0, "Feasibility": 0, "Novelty": 0}
    else:
        idea = started.setup.idea
        assert (idea.name, idea.title) == ("double_the_learning_rate", "Double the learning rate")
        assert "Double the learning rate. Then see." in bench.sent()["run_1.attempt_1"]
    assert bench.folder.name.endswith(started.setup.idea.name)
    assert {path: path.read_bytes() for path in bench.template.iterdir()} == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "holds no idea"),
        ("3", "is not an object"),
        ([MINE, MINE], "two ideas of one name"),
        ({"Name": "x", "Title": "y"}, 'needs a text in "Experiment"'),
        ([MINE, {**MINE, "Name": "../up"}], "idea 2"),
        ({**MINE, "Name": ".."}, "no usable name"),
        ({**MINE, "Name": "a/b"}, "no usable name"),
        ({**MINE, "may_change": "all"}, "may_change"),
        ({**MINE, "may_change": ["nothing_sealed"]}, "does not seal"),
    ],
)
def test_bad_file_is_one_line(bench: Bench, content: object, said: str, capsys: pytest.CaptureFixture) -> None:
    assert _launch(bench, "--idea-file", _write(bench.root / "mine.json", content), "--recording", "templates") == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--idea-file", "nowhere.json"], "does not exist"),
        (["--idea-file", "templates"], "regular file"),
        (["--idea-text", "  "], "--idea-text is empty"),
        (["--idea-text", "Double the rate"], "set ANTHROPIC_API_KEY"),
        (["--idea-file", "odd.json"], "set ANTHROPIC_API_KEY"),
    ],
)
def test_bad_value_is_one_line(bench: Bench, flags: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    (bench.root / "odd.json").write_text('{"Name": "a", "Title": "b", "Experiment": "c", "Novelty": 1e999}')
    assert _launch(bench, *flags) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_several_templates_need_a_choice(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    shutil.copytree(bench.template, bench.root / "templates" / "other")
    assert _launch(bench, "--idea-text", "Double the rate") == 2
    assert "--template (other, tiny)" in capsys.readouterr().err


def test_recording_answers_for_its_own_idea_only(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    """Without a key, an own idea under a recorded idea's name is not answered by that idea's recording."""
    shutil.copytree(bench.record(GOOD), bench.template / "recordings" / "learning_rate")
    assert _launch(bench, "--idea-file", _write(bench.root / "mine.json", {**MINE, "Name": "learning_rate"})) == 2
    assert "set ANTHROPIC_API_KEY" in capsys.readouterr().err


@given(st.text(max_size=300).filter(lambda text: text.strip()))
def test_any_text_gives_a_safe_name(text: str) -> None:
    idea = from_text(text)
    assert NAME.fullmatch(idea.name)
    assert 0 < len(idea.title) <= MAX_TITLE
    assert idea.experiment == text.strip()
