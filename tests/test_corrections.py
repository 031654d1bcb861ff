"""False claims in notes.txt go back to the agent with the facts, up to twice, and what stays is told."""

import json
import zlib

import pytest
from conftest import CORRECTED, GOOD, LYING, RIGHT, SILENT, WRONG, Bench, add_notes, block
from hypothesis import given
from hypothesis import strategies as st

from ai_scientist import launch
from ai_scientist.claims.model import Claim
from ai_scientist.lab import Turn, Usage
from ai_scientist.study.corrections import MAX_CORRECTIONS, to_correct
from ai_scientist.study.events import AttemptEnded, StudyEnded, TurnEnded
from ai_scientist.study.journal import Entry, decode, encode, read_journal

TWO = ("--max-runs", "2")


def _purposes(bench: Bench) -> list[str]:
    return [event.turn.purpose for event in bench.of(TurnEnded)]


def test_false_claim_goes_back_with_the_fact_before_the_next_run(bench: Bench) -> None:
    assert bench.study(CORRECTED, *TWO) == 0
    assert _purposes(bench) == ["run", "run", "claims", "notes", "plot", "describe"]
    told = bench.sent()["claims.attempt_1"]
    losses = [measured["narrow"]["loss"].mean for measured in bench.state.metrics.values()]
    assert WRONG in told
    assert f"{losses[0]:.6g}" in told
    assert f"{losses[1]:.6g}" in told
    kinds = [type(event) for event in bench.events if isinstance(event, TurnEnded | AttemptEnded)]
    assert kinds[:5] == [TurnEnded, AttemptEnded, TurnEnded, TurnEnded, AttemptEnded]
    assert bench.of(StudyEnded) == [StudyEnded(True)]
    assert RIGHT in (bench.folder / "notes.txt").read_text()


def test_agent_that_insists_is_told_twice_and_the_claim_is_marked(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    insists = LYING | {"claims.attempt_1": "I saw it rise.", "claims.attempt_2": "It did."}
    assert bench.study(insists, *TWO) == 0
    assert _purposes(bench) == ["run", "run", "claims", "claims", "notes", "plot", "describe"]
    assert "still" in bench.sent()["claims.attempt_2"]
    screen = capsys.readouterr().out
    assert f'is contradicted: "{WRONG}"' in screen
    assert bench.of(StudyEnded)[0].remarks[0].startswith("notes.txt, line ")


def test_ever_new_false_claims_end_too(bench: Bench) -> None:
    others = [f"On narrow the loss is {number}." for number in (7, 8, 9)]
    swaps = zip([WRONG, *others], others, strict=False)
    replies = LYING | {
        f"claims.attempt_{number}": block("notes.txt", old, new) for number, (old, new) in enumerate(swaps, 1)
    }
    assert bench.study(replies, *TWO) == 0
    assert _purposes(bench)[:5] == ["run", "run", "claims", "claims", "notes"]
    assert (
        _purposes(bench).count("claims") == 5
    )  # two after each turn that touched the notes, until each was sent twice


@pytest.mark.parametrize(("mode", "recorded"), [("warn", True), ("off", False)])
def test_warn_only_records_and_off_does_not_look(
    bench: Bench, mode: str, recorded: bool, capsys: pytest.CaptureFixture
) -> None:
    assert bench.study(LYING, *TWO, "--claims", mode) == 0
    assert "claims" not in _purposes(bench)
    assert bool(bench.of(TurnEnded)[-1].claims) == recorded
    assert ("is contradicted" in capsys.readouterr().out) == recorded


def test_correction_may_edit_the_notes_only(bench: Bench) -> None:
    """An edit that slips in another experiment is put back as a whole, and said."""
    sly = block("experiment.py", "LEARNING_RATE = 0.4", "LEARNING_RATE = 0.5") + CORRECTED["claims.attempt_1"]
    assert bench.study(LYING | {"claims.attempt_1": sly, "claims.attempt_2": CORRECTED["claims.attempt_1"]}, *TWO) == 0
    turns = [turn for turn in bench.of(TurnEnded) if turn.turn.purpose == "claims"]
    assert [turn.status for turn in turns] == ["forbidden", "applied"]
    assert "only notes.txt may be edited" in bench.sent()["claims.attempt_2"]
    assert "LEARNING_RATE = 0.4" in (bench.folder / "run_2.py").read_text()


def test_correction_uses_up_no_attempt_and_hides_no_failure(bench: Bench) -> None:
    broken = CORRECTED["run_2.attempt_1"].replace("LEARNING_RATE = 0.4", "LEARNING_RATE = broken")
    replies = CORRECTED | {
        "run_2.attempt_1": broken,
        "run_2.attempt_2": block("experiment.py", "LEARNING_RATE = broken", "LEARNING_RATE = 0.4"),
    }
    assert bench.study(replies, *TWO, "--max-attempts", "2") == 0
    assert _purposes(bench)[:4] == ["run", "run", "claims", "run"]
    assert "name 'broken' is not defined" in bench.sent()["run_2.attempt_2"]


def test_correction_beside_an_edit_that_changed_no_code(bench: Bench) -> None:
    only_notes = add_notes("## Run 1: rate 0.2", "On narrow the loss of run 0 is 7.")
    replies = GOOD | {
        "run_1.attempt_1": add_notes("Description: Baseline results.", "## Run 1: rate 0.2\nThe rate is doubled.")
        + only_notes,
        "claims.attempt_1": block("notes.txt", "On narrow the loss of run 0 is 7.", "It is small."),
        "run_1.attempt_2": GOOD["run_1.attempt_1"].split("notes.txt")[0],
    }
    assert bench.study(replies, *TWO) == 0
    assert "experiment.py is the same as that of the baseline" in bench.sent()["run_1.attempt_2"]


def test_resume_takes_another_mode(bench: Bench) -> None:
    bench.study({key: LYING[key] for key in ("run_1.attempt_1", "run_2.attempt_1")}, *TWO, "--claims", "warn")
    bench.record(CORRECTED | {"claims.attempt_2": CORRECTED["claims.attempt_1"]})
    assert launch.main(["--resume", str(bench.folder), "--claims", "fix"]) == 0
    assert "claims" in _purposes(bench)


def test_journal_of_an_earlier_version_is_read(bench: Bench) -> None:
    bench.study(SILENT, *TWO)
    entry = read_journal(bench.folder / "journal.jsonl")[0]
    line = encode(Entry(entry.time, entry.event), 1)
    without = json.loads(line)
    del without["data"]["setup"]["claims"]
    path = bench.root / "old.jsonl"
    path.write_bytes(_summed(without))
    assert decode(path.read_bytes(), 1, path).event.setup.claims == "fix"


def _summed(record: dict[str, object]) -> bytes:
    rest = json.dumps({key: value for key, value in record.items() if key != "sum"})[1:].encode()
    return b'{"sum":"%08x",' % zlib.crc32(rest) + rest + b"\n"


claims = st.lists(
    st.builds(
        lambda text, verdict: Claim(1, text, 1, "d", "loss", 0, "lower", None, 1.0, verdict),
        st.sampled_from("abcdef"),
        st.sampled_from(["contradicted", "unsupported"]),
    ),
    max_size=4,
).map(tuple)


@given(st.lists(st.tuples(st.sampled_from(["run", "notes", "plot"]), st.booleans(), claims), max_size=8), st.data())
def test_whatever_the_agent_writes_no_claim_is_sent_back_more_than_twice(
    others: list[tuple[str, bool, tuple[Claim, ...]]], data: st.DataObject
) -> None:
    turns: list[TurnEnded] = []
    sent: list[str] = []

    def turn(purpose: str, touches: bool, said: tuple[Claim, ...]) -> TurnEnded:
        files = ("notes.txt",) if touches else ()
        about = Turn(len(turns) + 1, purpose, 1, 1)
        return TurnEnded(about, "applied", files, "", False, "", Usage(), 0.0, "", claims=said)

    for purpose, touches, said in others:
        turns.append(turn(purpose, touches, said))
        in_a_row = 0
        while told := to_correct(turns):
            assert touches
            in_a_row += 1
            sent += {claim.text for claim in told}
            turns.append(turn("claims", data.draw(st.booleans()), data.draw(claims)))
        assert in_a_row <= MAX_CORRECTIONS
    assert all(sent.count(text) <= MAX_CORRECTIONS for text in sent)
