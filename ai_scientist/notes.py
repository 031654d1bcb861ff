"""notes.txt, the scientist's notebook: its header, and what is checked of its structure."""

import re
from collections.abc import Iterable, Mapping

from ai_scientist.idea import Idea
from ai_scientist.metrics import Metrics

_SECTION = re.compile(r"^(#{1,6})[ \t]*run[ \t_]*(\d+)\b.*$", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6})[ \t]", re.MULTILINE)
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


def sections(text: str) -> Mapping[int, str]:
    """What stands under the heading of each run ("## Run 3: ..."), lesser headings within it included."""
    found: dict[int, str] = {}
    for match in _SECTION.finditer(text):
        others = [it for it in _HEADING.finditer(text, match.end()) if len(it.group(1)) <= len(match.group(1))]
        ends = [it.start() for it in (*others[:1], _SECTION.search(text, match.end())) if it]
        run = int(match.group(2))
        found[run] = f"{found.get(run, '')}\n{text[match.end() : min(ends, default=len(text))]}".strip()
    return found


def missing_sections(text: str, finished: Mapping[int, str]) -> tuple[int, ...]:
    """The runs among `finished` whose section is not there, empty, or as it was when they ended.

    `finished` holds what notes.txt said then: the section could announce a run, and not yet say what came out.
    """
    now = sections(text)
    return tuple(run for run, then in finished.items() if now.get(run, "") in ("", sections(then).get(run, "")))


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
