"""What a run measured: reading and validating `final_info.json`, which model-written code wrote."""

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_scientist.files import UnreadableFile, read_text

MAX_BYTES = 10_000_000
MAX_DEPTH = 5
MAX_METRICS = 1000
MAX_NAME = 100
MAX_VALUE = 1e150  # beyond it differences and variances leave the range of a float


@dataclass(frozen=True)
class Measurement:
    """One metric of one dataset: its mean over the seeds, the standard error of that mean, and each seed's value.

    `stderr` is None where the run gave none and it cannot be computed; `values` is empty where seeds are not given.
    """

    mean: float
    stderr: float | None = None
    values: tuple[float, ...] = ()


Metrics = Mapping[str, Mapping[str, Measurement]]
"""Dataset -> metric -> measurement, in the order of the file."""


def seeds_matter(metrics: Metrics) -> bool:
    """Whether any metric differs from seed to seed; also true where no metric has more than one seed."""
    values = [it.values for measured in metrics.values() for it in measured.values() if len(it.values) > 1]
    return not values or any(len(set(each)) > 1 for each in values)


class InvalidMetrics(ValueError):
    """A final_info.json that cannot be used; the message is feedback for the agent."""


def read_metrics(path: Path, expected: Metrics | None = None) -> Metrics:
    """The metrics in the file at `path`, checked against the datasets of `expected` (the baseline's).

    Raises InvalidMetrics with words for the agent where the file is missing, unsafe to read, or has another shape than
    `{dataset: {"means": {name: number}}}`.
    """
    try:
        text = read_text(path, MAX_BYTES)
    except UnreadableFile as error:
        raise InvalidMetrics(f"final_info.json {error}") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMetrics(f"final_info.json is not valid JSON: {error}") from None
    if not isinstance(content, dict) or not content:
        raise InvalidMetrics("final_info.json must be an object with one entry a dataset")
    metrics = {_name(dataset): _dataset(dataset, entry) for dataset, entry in content.items()}
    if (count := sum(map(len, metrics.values()))) > MAX_METRICS:
        raise InvalidMetrics(f"final_info.json holds {count} means; at most {MAX_METRICS} are taken")
    if expected and not set(metrics) & set(expected):
        raise InvalidMetrics(
            f"final_info.json has none of the baseline's datasets: expected {', '.join(expected)}, "
            f"found {', '.join(list(metrics)[:10])}"
        )
    return metrics


def _name(text: str) -> str:
    """A dataset's or metric's name, as it may stand in prompts, tables and pages."""
    if not text.isprintable() or not text.strip() or len(text) > MAX_NAME:
        raise InvalidMetrics(f"final_info.json: {text!r:.80} is no name: one printable line, at most {MAX_NAME} long")
    return text


def _dataset(dataset: str, entry: Any) -> dict[str, Measurement]:
    means = _flat(entry.get("means")) if isinstance(entry, dict) else None
    if not means:
        held = (
            f"an object with {', '.join(map(str, entry)) or 'nothing'}" if isinstance(entry, dict) else f"{entry!r:.80}"
        )
        raise InvalidMetrics(
            f'final_info.json: dataset "{dataset}" must hold a non-empty object "means" with a number for each metric, '
            f'{{"{dataset}": {{"means": {{"loss_mean": 0.1}}}}}}; it is {held}'
        )
    stderrs = entry.get("stderrs")
    seeds = entry.get("final_info_dict")
    measured = {}
    for key, mean in means.items():
        if not _is_number(mean):
            shown = f"{mean!r:.80}"
            raise InvalidMetrics(
                f'final_info.json: "{key}" of dataset "{dataset}" is {shown}, not a finite number up to {MAX_VALUE:g}'
            )
        metric = _name(key.removesuffix("_mean") or key)
        values = _seed_values(seeds, metric)
        measured[metric] = Measurement(float(mean), _stderr(stderrs, metric, values), values)
    return measured


def _flat(means: Any, depth: int = MAX_DEPTH) -> dict[str, Any] | None:
    """The means as earlier systems let them be written: one number, or objects in objects, whose texts do not count."""
    if _is_number(means):
        return {"mean": means}
    if not isinstance(means, dict) or not depth:
        return None
    flat: dict[str, Any] = {}
    for key, value in means.items():
        if isinstance(value, dict):
            inner = (
                _flat({name: it for name, it in value.items() if isinstance(it, int | float | dict)}, depth - 1) or {}
            )
            flat |= {f"{key}.{name}": it for name, it in inner.items()}
        else:
            flat[key] = value
    return flat


def _seed_values(seeds: Any, metric: str) -> tuple[float, ...]:
    values = seeds.get(metric) if isinstance(seeds, dict) else None
    if not isinstance(values, list) or not all(_is_number(value) for value in values):
        return ()
    return tuple(float(value) for value in values)


def _stderr(stderrs: Any, metric: str, values: tuple[float, ...]) -> float | None:
    """The standard error of the mean: computed from the seeds as std(ddof=1)/sqrt(n), else as the run states it.

    The seeds come first because scripts often divide by n instead of its root.
    """
    if len(values) > 1:
        return statistics.stdev(values) / math.sqrt(len(values))
    if not isinstance(stderrs, dict):
        return None
    stated = stderrs.get(f"{metric}_stderr", stderrs.get(metric, stderrs.get(f"{metric}_mean")))
    return float(stated) if isinstance(stated, int | float) and _is_number(stated) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_VALUE
