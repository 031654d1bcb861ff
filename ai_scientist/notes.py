"""notes.txt, the scientist's notebook: its header, and what is checked of its structure."""

import re
from collections.abc import Iterable, Mapping

from ai_scientist.idea import Idea
from ai_scientist.metrics import Metrics

_SECTION = re.compile(r"^#{1,6}[ \t]*run[ \t_]*(\d+)\b.*$", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]", re.MULTILINE)
_PNG = re.compile(r"[\w.\-]+\.png\b", re.IGNORECASE)


def header(idea: Idea, profile: str, device: str, baseline: Metrics) -> str:
    """The start of notes.txt: what is tested, how, and the baseline's means in the dict form that people know."""
    means = {
        dataset: {f"{metric}_mean": measurement.mean for metric, measurement in metrics.items()}
        for dataset, metrics in baseline.items()
    }
    return (
        f"# Title: {idea.title}\n"
        f"# Experiment description: {idea.experiment}\n"
        f"# Profile: {profile}\n"
        f"# Device: {device}\n"
        f"## Run 0: Baseline\n"
        f"Results: {means}\n"
        f"Description: Baseline results.\n"
    )


def sections(text: str) -> frozenset[int]:
    """The numbers of the runs that have a heading ("## Run 3: ...") with text beneath it."""
    found = set()
    for match in _SECTION.finditer(text):
        following = _HEADING.search(text, match.end())
        body = text[match.end() : following.start() if following else len(text)]
        if body.strip():
            found.add(int(match.group(1)))
    return frozenset(found)


def missing_sections(text: str, runs: Iterable[int]) -> tuple[int, ...]:
    """The runs among `runs` that have no section."""
    present = sections(text)
    return tuple(run for run in runs if run not in present)


def plot_names(text: str, existing: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(existing plots that the notes do not name, names of plots in the notes that do not exist)."""
    named = dict.fromkeys(_PNG.findall(text))
    plots = tuple(existing)
    return tuple(plot for plot in plots if plot not in named), tuple(name for name in named if name not in plots)


def unlabelled(labels: Mapping[str, str], plot_code: str, runs: Iterable[int]) -> tuple[int, ...]:
    """The runs that plot.py neither has in `labels` nor names as left out in a comment ("# left out: run_2, ...")."""
    left_out = {
        number
        for line in re.findall(r"^\s*#\s*left out:(.*)$", plot_code, re.IGNORECASE | re.MULTILINE)
        for number in re.findall(r"\brun_(\d+)\b", line)
    }
    return tuple(run for run in runs if f"run_{run}" not in labels and str(run) not in left_out)
