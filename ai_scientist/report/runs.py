"""Each run: its code beside that of the run before, its attempts with their errors, the end of its log, its metrics."""

from dataclasses import dataclass
from pathlib import Path

from ai_scientist.console import outcomes, wording
from ai_scientist.files import tail
from ai_scientist.prompts import signed, uncertain
from ai_scientist.report import answer
from ai_scientist.report.diff import Diff, compare, no_diff
from ai_scientist.report.study import Study, code_of, failed_code
from ai_scientist.report.text import last_lines
from ai_scientist.study.events import AttemptEnded

LOG_LINES = 40


@dataclass(frozen=True)
class Output:
    """The end of what a command printed; `place` is its folder, relative to the study's."""

    place: str
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Attempt:
    """`outcome` in words; `good` where it gave results; `feedback` is what the agent was told."""

    number: int
    outcome: str
    good: bool
    took: str
    feedback: str
    output: Output | None


@dataclass(frozen=True)
class Metric:
    """One metric of one dataset, with its difference to the baseline where there is one."""

    dataset: str
    label: str
    value: str
    seeds: str
    difference: str
    interval: str
    p: str
    effect: str
    verdict: str


@dataclass(frozen=True)
class Run:
    """`summary` is one line; `before` the run that its code is compared with, None where it is not compared."""

    number: int
    name: str
    summary: str
    failed: bool
    before: int | None
    diff: Diff
    attempts: tuple[Attempt, ...]
    output: Output
    metrics: tuple[Metric, ...]
    flags: tuple[str, ...]


def runs(study: Study, most: int) -> tuple[Run, ...]:
    """Every run that was tried, by number; texts are cut to `most` characters."""
    failures = dict(answer.without_results(study))
    numbers = sorted({*study.results.metrics, *failures})
    return tuple(_run(study, number, failures.get(number, ""), most) for number in numbers)


def output_in(study: Study, folder: Path, most: int) -> Output:
    """The end of what a command left in its folder."""
    stdout, stderr = (last_lines(tail(path), LOG_LINES, most) for path in study.folder.output(folder))
    return Output(str(folder.relative_to(study.folder.root)), stdout, stderr)


def _run(study: Study, number: int, failure: str, most: int) -> Run:
    attempts = [attempt for attempt in study.state.attempts if attempt.run == number]
    before, diff = _diff(study, number)
    return Run(
        number,
        study.name(number),
        failure or _summary(study, number, attempts),
        bool(failure) and failure != "running",
        before,
        diff,
        tuple(_attempt(study, attempt, most) for attempt in attempts),
        output_in(study, study.folder.run(number), most),
        tuple(_metrics(study, number)),
        tuple(flag for attempt in attempts for flag in attempt.flags),
    )


def _summary(study: Study, number: int, attempts: list[AttemptEnded]) -> str:
    baseline = study.state.baseline
    if number == 0 and baseline and baseline.origin:
        return f"measured elsewhere, taken from {baseline.origin}"
    if number == 0 and baseline:
        taken = "taken from the cache of measured baselines" if baseline.cached else "measured here"
        return f"{taken}, {wording.duration(baseline.seconds)} of running"
    if not attempts:
        return "measured"
    tries = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    return f"{tries}, {wording.duration(sum(attempt.seconds for attempt in attempts))} of running"


def _diff(study: Study, number: int) -> tuple[int | None, Diff]:
    """(the finished run before, the two codes side by side)."""
    earlier = [run for run in study.results.metrics if run < number]
    if not earlier:
        return None, no_diff("It is the template's code; there is nothing before it to compare with." * (number == 0))
    before = max(earlier)
    tried = [attempt for attempt in study.state.attempts if attempt.run == number]
    if study.state.setup and not tried and number in study.state.given_up:
        return None, no_diff("It was never started: no edit left code that had not been run before.")
    old, new = code_of(study, before), code_of(study, number)
    if new is None and tried:
        new = failed_code(study, number, tried[-1].attempt)
    if old is None or new is None:
        lost = before if old is None else number
        return None, no_diff(f"The code of run {lost} is not kept in the folder, so that nothing can be compared.")
    return before, compare(old, new)


def _attempt(study: Study, attempt: AttemptEnded, most: int) -> Attempt:
    good = attempt.outcome == "ok"
    aside = study.folder.failed_attempt(attempt.run, attempt.attempt)
    return Attempt(
        attempt.attempt,
        outcomes.attempt(attempt),
        good,
        wording.duration(attempt.seconds),
        attempt.feedback[-most:] if most else "",
        output_in(study, aside, most) if not good and aside.is_dir() else None,
    )


def _metrics(study: Study, number: int) -> list[Metric]:
    lines = []
    for dataset, measured in study.results.metrics.get(number, {}).items():
        for name, it in measured.items():
            found = study.comparisons.get((number, dataset, name))
            lines.append(
                Metric(
                    dataset,
                    study.template.label(name),
                    uncertain(it.mean, it.stderr),
                    str(len(it.values) or "?"),
                    answer.difference(found) if found else "",
                    answer.interval(found) if found else "",
                    answer.p_value(found) if found else "",
                    signed(round(found.effect, 2)) if found and found.effect is not None else "",
                    found.verdict if found else "",
                )
            )
    return lines
