"""The coding agent: real aider over scripted replies, and everything that it must not do switched off."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import block
from providers import Answer, serving

from ai_scientist import errors
from ai_scientist.agents.aider_agent import AiderAgent
from ai_scientist.agents.model import Reply, Request
from ai_scientist.agents.transcript import Recorded, Transcript
from ai_scientist.interrupts import interruptible
from ai_scientist.lab import Edit, Turn, Usage

CODE = "rate = 0.1\nsteps = 20\n\n\ndef train():\n    return rate * steps\n"
FILES = ("experiment.py", "plot.py", "notes.txt")


class Script:
    """A model that gives these replies, or raises these exceptions, in order."""

    name = "script"

    def __init__(self, replies: Sequence[str | Reply | BaseException]) -> None:
        self._replies = list(replies)
        self.requests: list[Request] = []

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        answer = self._replies.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(answer, "stop", Usage(1, 100, 10, 0, 0.5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "study"
    place.mkdir()
    (place / "experiment.py").write_text(CODE)
    (place / "plot.py").write_text("labels = {}\n")
    (place / "notes.txt").write_text("# Title\nfirst line\n")
    return place


def ask(
    folder: Path, *replies: str | Reply | BaseException, prompt: str = "Do it.", turn: int = 1
) -> tuple[Edit, Script]:
    script = Script(replies)
    transcript = Transcript(folder.parent / "transcript.jsonl")
    model = Recorded(script, transcript)
    agent = AiderAgent(folder, FILES, model, transcript, "Be brief.", lambda: range(1, turn), lambda: "In short.")
    return agent.edit(prompt, Turn(turn, "run", 1, turn)), script


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


GOOD = block("experiment.py", "rate = 0.1", "rate = 0.2")
BAD = block("experiment.py", "rate = 0.7", "rate = 0.2")
NOTE = block("notes.txt", "first line", "second line")


def test_edit_is_applied_and_counted(folder: Path) -> None:
    edit, _ = ask(folder, GOOD + NOTE)
    assert (edit.status, edit.files, edit.usage) == (
        "applied",
        ("experiment.py", "notes.txt"),
        Usage(1, 100, 10, 0, 0.5),
    )
    assert contents(folder)["experiment.py"] == CODE.replace("0.1", "0.2")


def test_reply_without_blocks_is_unchanged(folder: Path) -> None:
    edit, script = ask(folder, "I would raise the rate.\n```python\nrate = 0.2\n```\n")
    assert (edit.status, edit.files) == ("unchanged", ())
    assert len(script.requests) == 1


def test_block_that_changes_nothing_is_unchanged(folder: Path) -> None:
    assert ask(folder, block("experiment.py", "rate = 0.1", "rate = 0.1"))[0].status == "unchanged"


def test_block_that_does_not_fit_is_mended_by_a_second_request(folder: Path) -> None:
    edit, script = ask(folder, NOTE + BAD, GOOD)
    assert (edit.status, edit.files, edit.usage.requests) == ("applied", ("experiment.py", "notes.txt"), 2)
    assert "rate = 0.7" in script.requests[1].said
    assert [request.index for request in script.requests] == [0, 1]


FENCED = "```python\n<<<<<<< SEARCH\nrate = 0.1\n=======\nrate = 0.2\n>>>>>>> REPLACE\n```\n"
SECOND = FENCED.replace("rate = 0.1", "steps = 20").replace("rate = 0.2", "steps = 30")


@pytest.mark.parametrize("line", ["In experiment.py, change:", "Now `experiment.py`:", "1. The file experiment.py"])
def test_sentence_above_a_block_names_the_file_that_is_in_it(folder: Path, line: str) -> None:
    assert ask(folder, f"{line}\n{FENCED}")[0].files == ("experiment.py",)


@pytest.mark.parametrize("between", ["", "\n", "And the steps:\n"])
def test_block_without_a_name_is_for_the_file_of_the_block_before(folder: Path, between: str) -> None:
    edit, _ = ask(folder, f"experiment.py\n{FENCED}{between}{SECOND}")
    assert (edit.status, edit.files) == ("applied", ("experiment.py",))
    assert contents(folder)["experiment.py"] == CODE.replace("0.1", "0.2").replace("20", "30")


@pytest.mark.parametrize("line", ["Here is the change:", "Both experiment.py and plot.py:"])
def test_block_that_no_file_is_named_for_is_malformed_and_says_so(folder: Path, line: str) -> None:
    before = contents(folder)
    edit, script = ask(folder, *[f"{line}\n{FENCED}"] * 3)
    assert edit.status == "malformed"
    assert "no file name" in edit.detail
    assert "no file name" in script.requests[1].said
    assert contents(folder) == before


@pytest.mark.parametrize("bad", [BAD, "experiment.py\n```python\n<<<<<<< SEARCH\nrate = 0.1\n=======\n```\n"])
def test_malformed_for_good_leaves_every_file_as_it_was(folder: Path, bad: str) -> None:
    before = contents(folder)
    edit, script = ask(folder, NOTE + bad, bad, bad)
    assert (edit.status, edit.files) == ("malformed", ())
    assert "Nothing of the reply was applied" in edit.detail
    assert contents(folder) == before
    assert len(script.requests) == 3


class Interrupting(str):
    """A reply that is interrupted when it is looked at, in aider's part of a turn."""

    def __len__(self) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return super().__len__()


def test_interrupt_that_aider_takes_for_its_own_is_not_lost(folder: Path) -> None:
    before = contents(folder)
    with interruptible(), pytest.raises(KeyboardInterrupt):
        ask(folder, Reply(Interrupting(GOOD), "stop", Usage(1)))
    assert contents(folder) == before


def test_cut_reply_is_not_applied(folder: Path) -> None:
    before = contents(folder)
    edit, script = ask(folder, Reply(NOTE + GOOD, "length", Usage(1)))
    assert edit.status == "malformed"
    assert "cut off" in edit.detail
    assert contents(folder) == before
    assert len(script.requests) == 1


def test_reply_of_megabytes_is_refused_at_once(folder: Path) -> None:
    edit, _ = ask(folder, GOOD + block("experiment.py", "x = 1\n" * 100_000, "y = 1"))
    assert edit.status == "malformed"
    assert "longer than" in edit.detail


@pytest.mark.parametrize(
    "name", ["../evil.py", "/tmp/evil_of_tests.py", "other.py", "new.py", "sub/new.py", "link.py", "../outside.py"]
)
def test_other_files_are_forbidden_and_the_whole_reply_is_put_back(folder: Path, name: str) -> None:
    (folder / "other.py").write_text("rate = 0.1\n")
    (folder.parent / "outside.py").write_text("rate = 0.1\n")
    (folder / "link.py").symlink_to(folder.parent / "outside.py")
    before = contents(folder)
    for search in ("", "rate = 0.1"):
        edit, _ = ask(folder, NOTE + block(name, search, "evil = 1"), turn=1 if not search else 2)
        assert edit.status == "forbidden"
        assert Path(name).name in edit.detail
    assert contents(folder) == before
    assert (folder.parent / "outside.py").read_text() == "rate = 0.1\n"
    assert not list(folder.parent.rglob("evil*"))
    assert not Path("/tmp/evil_of_tests.py").exists()


def test_file_of_the_chat_that_became_a_link_is_forbidden(folder: Path) -> None:
    victim = folder.parent / "victim.py"
    victim.write_text("rate = 0.1\n")
    (folder / "plot.py").unlink()
    (folder / "plot.py").symlink_to(victim)
    edit, _ = ask(folder, block("plot.py", "rate = 0.1", "evil = 1"))
    assert edit.status == "forbidden"
    assert victim.read_text() == "rate = 0.1\n"


@pytest.mark.parametrize("prompt", ["!touch pwned", "/run touch pwned", "/add /etc/passwd", "/exit"])
def test_our_own_message_is_never_a_command(folder: Path, prompt: str) -> None:
    edit, script = ask(folder, GOOD, prompt=prompt)
    assert edit.status == "applied"
    assert script.requests[0].said == prompt
    assert not list(folder.parent.rglob("pwned"))


def test_shell_blocks_of_a_reply_are_not_run(folder: Path) -> None:
    edit, _ = ask(folder, "Run this:\n```bash\ntouch pwned\n```\n" + GOOD)
    assert edit.status == "applied"
    assert not list(folder.parent.rglob("pwned"))


def test_address_in_a_traceback_is_not_fetched(folder: Path) -> None:
    with serving("openai", [Answer("page")]) as server:
        ask(folder, f"See {server.url}/there\n" + GOOD, prompt=f"Traceback: see {server.url}/here for help")
    assert not server.requests


def test_system_prompt_and_files_are_in_the_request(folder: Path) -> None:
    _, script = ask(folder, GOOD)
    whole = str(script.requests[0].messages)
    assert "Be brief." in whole
    assert "return rate * steps" in whole


def test_chat_goes_on_from_the_transcript(folder: Path) -> None:
    ask(folder, GOOD, prompt="First question.")
    _, script = ask(folder, NOTE, prompt="Second question.", turn=2)
    said = [message["content"] for message in script.requests[0].messages]
    assert said.index("First question.") + 1 == said.index(GOOD.rstrip("\n") if GOOD.rstrip("\n") in said else GOOD)


def test_paid_reply_is_not_asked_for_again(folder: Path) -> None:
    ask(folder, GOOD)
    (folder / "experiment.py").write_text(CODE)
    edit, script = ask(folder)
    assert edit.status == "applied"
    assert not script.requests


@pytest.mark.parametrize(
    "failure",
    [
        errors.AuthenticationFailed("no"),
        errors.QuotaExhausted("no"),
        errors.ContextFull("no"),
        errors.ProviderUnavailable("no"),
        errors.RecordingError("no"),
        KeyboardInterrupt(),
    ],
    ids=lambda it: type(it).__name__,
)
def test_failure_of_the_model_surfaces_and_changes_nothing(folder: Path, failure: BaseException) -> None:
    before = contents(folder)
    with pytest.raises(type(failure)):
        ask(folder, NOTE + BAD, failure)
    assert contents(folder) == before


def test_leaves_no_trace_in_home_or_study_and_opens_no_connection(folder: Path) -> None:
    """In a process of its own, with an empty HOME and a proxy that would see every connection."""
    home = folder.parent / "home"
    home.mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from test_aider_agent import ask, GOOD\n"
        "print(ask(Path(sys.argv[2]), GOOD)[0].status)\n"
    )
    with serving("openai", [Answer("")]) as proxy:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "http_proxy": proxy.url, "https_proxy": proxy.url}
        command = [sys.executable, "-c", program, str(Path(__file__).parent), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder.parent, check=False)
    assert done.stdout == "applied\n", done.stderr
    assert not done.stderr
    assert sorted(contents(folder)) == sorted(FILES)
    assert not list(home.rglob("*aider*"))
    assert not proxy.requests
