"""What a claim is, and what it is checked against."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ai_scientist.metrics import Metrics

Direction = Literal["lower", "higher", "same"]
Verdict = Literal["verified", "contradicted", "unsupported", "not_checkable"]

ClaimsMode = Literal["fix", "warn", "off"]
"""What a study does about false claims in notes.txt: send them back to the agent, record them, or not look for them."""


@dataclass(frozen=True)
class Claim:
    """What a sentence says of one run, dataset, metric and reference run.

    `line` is where its sentence begins in notes.txt, from 1; `text` is the sentence. `reference` is the run that is
    compared with, None where there is none. `claimed` is the number that is said (a value, a difference, or percent
    where `unit` is "percent"), `actual` what was measured. `why` says the verdict in words.
    """

    line: int
    text: str
    run: int | None
    dataset: str | None
    metric: str | None
    reference: int | None
    direction: Direction | None
    claimed: float | None
    actual: float | None
    verdict: Verdict
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields that `ai-scientist claims --json` gives: all but `why`."""
        return {name: value for name, value in asdict(self).items() if name != "why"}


@dataclass(frozen=True)
class Results:
    """What is known of a study: run number -> metrics, which way each metric is better, the runs' names.

    `primary`: the study's main metric, or "". `said`: metrics' names in words, as template.toml gives them.
    """

    metrics: Mapping[int, Metrics]
    better: Mapping[str, Literal["lower", "higher"] | None] = field(default_factory=dict)
    labels: Mapping[int, str] = field(default_factory=dict)
    primary: str = ""
    said: Mapping[str, str] = field(default_factory=dict)

    def mean(self, run: int, dataset: str, metric: str) -> float:
        """What was measured; nan where nothing was."""
        found = self.metrics.get(run, {}).get(dataset, {}).get(metric)
        return math.nan if found is None else found.mean
