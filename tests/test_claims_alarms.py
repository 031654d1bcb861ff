"""Sentences about the results of labelled folders: a wrong one raises an alarm, a right one raises none."""

from pathlib import Path

import pytest

from ai_scientist.claims.check import check
from ai_scientist.claims.folder import results_of

HERE = Path(__file__).parent
NOTES = sorted((HERE / "claims_alarms").glob("*.txt"))


@pytest.mark.parametrize("notes", NOTES, ids=lambda path: path.stem)
def test_wrong_sentences_alone_raise_an_alarm(notes: Path) -> None:
    lines = notes.read_text(encoding="utf-8").splitlines()
    said = "\n".join(line.removesuffix(" [right]").removesuffix(" [wrong]") for line in lines)
    claims = check(said, results_of(HERE / "claims_set" / notes.stem))
    alarms = {claim.line for claim in claims if claim.verdict == "contradicted"}
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith(" [wrong]")}
    assert [lines[number - 1] for number in sorted(alarms ^ wrong)] == []
