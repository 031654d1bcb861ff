"""The results of any study folder: ours, and those of other systems with the same contract."""

import json
import re
from pathlib import Path

from ai_scientist.claims.model import Results
from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.metrics import MAX_BYTES, InvalidMetrics, Measurement, Metrics, read_metrics
from ai_scientist.plotting import labels
from ai_scientist.study.folder import METRICS
from ai_scientist.template import metrics_of, primary_of

MAX_NOTES_BYTES = 1_000_000


def results_of(root: Path) -> Results:
    """Every run_N/final_info.json in a folder that can be read. Raises UsageError where there is none."""
    metrics: dict[int, Metrics] = {}
    for path in sorted(root.glob(f"run_*/{METRICS}")):
        name = re.fullmatch(r"run_(\d+)", path.parent.name)
        if name is None:
            continue
        found = _metrics(path)
        if any(found.values()):
            metrics[int(name[1])] = found
    if not metrics:
        raise UsageError(f"{root} has no results: no run_N/{METRICS} can be read")
    known = metrics_of(root)
    better = {name: metric.better for name, metric in known.items()}
    said = {name: metric.label for name, metric in known.items()}
    return Results(dict(sorted(metrics.items())), better, _labels(root), primary_of(root), said)


def _metrics(path: Path) -> Metrics:
    """The results of a run; where other systems left a mean empty (null), those that are there."""
    try:
        return read_metrics(path)
    except InvalidMetrics:
        return _means(path)


def _means(path: Path) -> Metrics:
    try:
        content = json.loads(read_text(path, MAX_BYTES))
    except (UnreadableFile, ValueError, RecursionError):
        return {}
    datasets = content.items() if isinstance(content, dict) else ()
    means = {name: entry.get("means") for name, entry in datasets if isinstance(entry, dict)}
    return {
        name: {
            key.removesuffix("_mean"): Measurement(float(value))
            for key, value in found.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
        }
        for name, found in means.items()
        if isinstance(found, dict)
    }


def notes_of(root: Path) -> str:
    """The text of notes.txt. Raises UsageError where it cannot be read."""
    try:
        text = read_text(root / "notes.txt", MAX_NOTES_BYTES)
    except UnreadableFile as error:
        raise UsageError(f"{root / 'notes.txt'} {error}") from None
    if "\0" in text:
        raise UsageError(f"{root / 'notes.txt'} is no text")
    return text


def _labels(root: Path) -> dict[int, str]:
    try:
        named = labels(read_text(root / "plot.py", MAX_NOTES_BYTES))
    except UnreadableFile:
        return {}
    return {int(run.removeprefix("run_")): text for run, text in named.items() if re.fullmatch(r"run_\d+", run)}
