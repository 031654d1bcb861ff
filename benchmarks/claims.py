"""Precision and recall of the check of notes over labelled study folders: `make bench-claims`.

A labelled folder holds run_N/final_info.json, plot.py and labelled.txt: notes in which labels follow each sentence,
`=> run dataset metric reference direction verdict`, with `-` for none and `*` for every dataset. A claim counts as
found where all six agree. Numbers of settings (claims without a metric) are not labelled and not counted. A label with
`=>?` is debatable: a claim like it is neither right nor wrong.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ai_scientist.claims.check import check
from ai_scientist.claims.folder import results_of
from ai_scientist.claims.model import Claim, Results

LABELLED = Path(__file__).parent.parent / "tests" / "claims_set"
VERDICTS = ("contradicted", "verified", "unsupported", "not_checkable")
Key = tuple[int | None, str | None, str | None, int | None, str | None, str]
"""Run, dataset, metric, reference, direction, verdict."""


@dataclass
class Score:
    """For each verdict the number of claims that were labelled, that were given, and that were both."""

    labelled: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    both: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Score") -> None:
        """Count another folder's claims, too."""
        for mine, theirs in ((self.labelled, other.labelled), (self.given, other.given), (self.both, other.both)):
            mine.update(theirs)

    def precision(self, verdict: str) -> float:
        """Of the claims with this verdict, how many are labelled so."""
        return self.both[verdict] / self.given[verdict] if self.given[verdict] else 1.0

    def recall(self, verdict: str) -> float:
        """Of the claims that are labelled so, how many were given this verdict."""
        return self.both[verdict] / self.labelled[verdict] if self.labelled[verdict] else 1.0


Label = tuple[int, Key]
"""The line of the notes that a label follows, and the label."""


def read_labelled(folder: Path, results: Results) -> tuple[str, list[Label], list[Label]]:
    """(the notes, the labels, the debatable ones) of a labelled folder."""
    notes: list[str] = []
    labels: list[Label] = []
    debatable: list[Label] = []
    everything = list(dict.fromkeys(name for metrics in results.metrics.values() for name in metrics))
    for line in (folder / "labelled.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith(("=> ", "=>? ")):
            notes.append(line)
            continue
        mark, run, dataset, metric, reference, direction, verdict = line.split()
        for name in everything if dataset == "*" else [_or_none(dataset)]:
            number = None if run == "-" else int(run)
            against = None if reference == "-" else int(reference)
            key = (number, name, _or_none(metric), against, _or_none(direction), verdict)
            (labels if mark == "=>" else debatable).append((len(notes), key))
    return "\n".join(notes), labels, debatable


def compared(folder: Path) -> tuple[Score, list[Label], list[Claim]]:
    """(the score of a labelled folder, the labels that were not found, the claims that are not labelled)."""
    results = results_of(folder)
    notes, labels, debatable = read_labelled(folder, results)
    claims = [claim for claim in check(notes, results) if claim.metric is not None]
    both: Counter[str] = Counter()
    missed: list[Label] = []
    for label in labels:
        claim = _found(label, claims)
        if claim is None:
            missed.append(label)
        else:
            claims.remove(claim)
            both[claim.verdict] += 1
    for label in debatable:
        claim = _found(label, claims)
        if claim is not None:
            claims.remove(claim)
    given = both + Counter(claim.verdict for claim in claims)
    return Score(Counter(key[5] for _, key in labels), given, both), missed, claims


def _found(label: Label, claims: list[Claim]) -> Claim | None:
    """The claim that is nearest to a label, of those that say the same."""
    line, key = label
    same = [claim for claim in claims if key_of(claim) == key]
    return min(same, key=lambda claim: (claim.line > line, abs(line - claim.line)), default=None)


def key_of(claim: Claim) -> Key:
    """What of a claim is compared."""
    return claim.run, claim.dataset, claim.metric, claim.reference, claim.direction, claim.verdict


def _or_none(text: str) -> str | None:
    return None if text == "-" else text


def _lines(name: str, score: Score) -> str:
    told = "  ".join(
        f"{verdict} {score.precision(verdict):.3f}/{score.recall(verdict):.3f} of {score.labelled[verdict]}"
        for verdict in VERDICTS
        if score.labelled[verdict] or score.given[verdict]
    )
    return f"{name:<14} {told}\n"


def main() -> int:
    """Print precision/recall for each verdict, folder by folder and for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="labelled folders; those of tests/claims_set by default")
    parser.add_argument("--errors", action="store_true", help="list the labels that were missed and the false claims")
    given = parser.parse_args()
    _table(given.folders or sorted(LABELLED.iterdir()), errors=given.errors)
    return 0


def _table(places: Iterable[Path], *, errors: bool) -> None:
    total = Score()
    sys.stdout.write("precision/recall\n")
    for folder in places:
        score, missed, false = compared(folder)
        total.add(score)
        sys.stdout.write(_lines(folder.name, score))
        wrong = [(line, f"  missed  {line}: {key}\n") for line, key in missed]
        wrong += [(it.line, f"  false   {it.line}: {key_of(it)} {it.text:.140} | {it.why}\n") for it in false]
        sys.stdout.write("".join(text for _, text in sorted(wrong)) if errors else "")
    sys.stdout.write(_lines("all", total))


if __name__ == "__main__":
    sys.exit(main())
