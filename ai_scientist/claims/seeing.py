"""One assertion beside what was measured."""

import re
from dataclasses import dataclass, replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.model import Direction, Verdict
from ai_scientist.claims.truth import Truth
from ai_scientist.claims.vocabulary import Vocabulary
from ai_scientist.metrics import Measurement

_MOST = {
    "low": "lowest",
    "high": "highest",
    "better": "best",
    "worse": "worst",
    "faster": "fastest",
    "slower": "slowest",
}
_SURE: dict[Verdict, int] = {"verified": 0, "contradicted": 1, "not_checkable": 2, "unsupported": 3}


@dataclass(frozen=True)
class Seen:
    """A judgement of an assertion with one meaning of its metric and one reference."""

    metric: str
    reference: int | None
    direction: Direction | None
    verdict: Verdict
    actual: float | None
    why: str


def see(it: Assertion, words: Vocabulary) -> Seen:
    references: tuple[int | None, ...] = it.references or (None,)
    seen = [meant(it, reference, words) for reference in references]
    best = seen[0] if it.strict else min(seen, key=lambda one: one.verdict != "verified")
    if not it.strict and best.verdict == "unsupported":
        best = replace(best, reference=None, direction=None)
    return _hinted(it, best, words) if best.verdict == "contradicted" and it.strict and it.references else best


def meant(it: Assertion, reference: int | None, words: Vocabulary) -> Seen:
    """Of several meanings of a word the one that is right; else that of validation."""
    seen = [_one(it, metric, reference, words) for metric in it.metrics]
    return min(seen, key=lambda one: (_SURE[one.verdict], "val" not in one.metric))


def _one(it: Assertion, metric: str, reference: int | None, words: Vocabulary) -> Seen:
    now = _measured(words, it.run, it.dataset, metric)
    if now is None:
        why = f"run {it.run} has no {metric} on {it.dataset}" if it.dataset else f"no run has {metric}"
        return Seen(metric, reference, None, "unsupported", None, why)
    then = None if reference is None else _measured(words, reference, it.dataset, metric)
    truth = Truth(metric, now, then, words)
    direction = _direction(it, truth)
    if reference is not None and then is None:
        why = f"run {reference} has no {metric} on {it.dataset} to compare with"
        return Seen(metric, reference, direction, "unsupported", now.mean, why)
    verdict, why = _verdict(it, truth, words)
    why = truth.told(it.run, it.dataset, reference) + why
    if verdict == "contradicted" and reference is None:
        why += _elsewhere(it, truth, words)
    return Seen(metric, reference, direction, verdict, now.mean, why)


def _verdict(it: Assertion, truth: Truth, words: Vocabulary) -> tuple[Verdict, str]:
    way = it.way
    if way in ("up", "down") and "speed" in it.sentence.text.lower() and words.kind(truth.metric) == "step":
        way = None  # a higher speed of convergence is fewer steps
    fits = truth.way(way, None)
    if _takes_turns(it, truth):
        return "not_checkable", "; of which dataset each change is said is not certain"
    right = _numbers_fit(it, truth)
    if not right or fits is False:
        return "contradicted", ""
    if it.most and not _is_most(it, truth, words):
        return "contradicted", f"; it is not the {_MOST.get(it.most, it.most)} of all runs"
    if fits is None:
        return "not_checkable", f"; {_unclear(way, truth)}"
    errors = [truth.error(one.error) for one in it.given if one.error is not None]
    if None in errors:
        return "unsupported", ", and no standard error was measured"
    if False in errors:
        return "contradicted", f" ± {truth.now.stderr:.4g}"
    return "verified", ""


def _numbers_fit(it: Assertion, truth: Truth) -> bool:
    """Whether all its numbers are right; of several plain values, which cannot all be meant, one."""
    fits = [truth.given(one, it.way) and truth.way(one.way, None) is not False for one in it.given]
    plain = [one.kind == "value" and not one.olds for one in it.given]
    values = [fit for fit, is_plain in zip(fits, plain, strict=True) if is_plain]
    others = [fit for fit, is_plain in zip(fits, plain, strict=True) if not is_plain]
    return all(others) and (any(values) or not values)


def _unclear(way: str | None, truth: Truth) -> str:
    """Why it cannot be told whether the mean went that way."""
    if way == "same":
        return "neither the same nor clearly different"
    if truth.direction((way or "").removeprefix("not ")) is None:
        return "which way is better is not said"
    return "the seeds are no evidence of a difference"


def _takes_turns(it: Assertion, truth: Truth) -> bool:
    """Whether of several changes in percent one is right: the others are those of datasets that were not seen here."""
    changes = [truth.given(one, it.way) for one in it.given if one.kind == "change"]
    return len(changes) > 1 and any(changes) and not all(changes)


def _direction(it: Assertion, truth: Truth) -> Direction | None:
    """The direction that is claimed, by a word or by the order of two numbers."""
    if not it.references:
        return _most_way(it, truth) if it.most else None
    if it.way is not None:
        said = truth.direction(it.way)
        if said is not None or it.way.startswith("not "):
            return said
    own = next((one.way for one in it.given if one.way is not None), None)
    if own is not None:
        return truth.direction(own)
    for one in it.given:
        if one.kind == "ratio":
            return "lower" if one.number.value < 1 else "higher"
        if one.olds and one.kind == "value" and one.olds[0].number.value != one.number.value:
            return "lower" if one.number.value < one.olds[0].number.value else "higher"
    return None


def _most_way(it: Assertion, truth: Truth) -> Direction | None:
    """The direction of a superlative."""
    return truth.direction({"low": "down", "high": "up"}.get(it.most or "", it.most))


def _is_most(it: Assertion, truth: Truth, words: Vocabulary) -> bool:
    """Whether a run is the lowest, highest, best ... of all runs, or of those until then."""
    low = _most_way(it, truth)
    values = {
        run: found[it.dataset][truth.metric].mean
        for run, found in words.results.metrics.items()
        if truth.metric in found.get(it.dataset, {})
    }
    whole = re.search(r"\b(?:of|among) all (?:the |our )?runs\b", it.sentence.text)
    until = [value for run, value in values.items() if run <= it.run or it.sentence.run != it.run or whole]
    return low is None or any(
        truth.now.mean == (min(some) if low == "lower" else max(some)) for some in (list(values.values()), until)
    )


def _elsewhere(it: Assertion, truth: Truth, words: Vocabulary) -> str:
    """Where the number that is wrong here would be right."""
    for one in it.given:
        for run, found in words.results.metrics.items():
            for dataset, measured in found.items():
                if (
                    one.kind == "value"
                    and truth.metric in measured
                    and truth.value(one.number, measured[truth.metric].mean)
                ):
                    return f"; {one.number.value:g} is that of run {run} on {dataset}"
    return ""


def _hinted(it: Assertion, seen: Seen, words: Vocabulary) -> Seen:
    """A contradiction with the reference that would fit, if another does."""
    for run in words.results.metrics:
        if run not in (it.run, seen.reference) and _one(it, seen.metric, run, words).verdict == "verified":
            return replace(seen, why=f"{seen.why}; it holds against run {run}")
    return seen


def _measured(words: Vocabulary, run: int, dataset: str, metric: str) -> Measurement | None:
    return words.results.metrics.get(run, {}).get(dataset, {}).get(metric)
