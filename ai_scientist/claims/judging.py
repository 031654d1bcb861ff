"""Verdicts: what is asserted, beside what was measured."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.gate import belongs_elsewhere
from ai_scientist.claims.given import Given
from ai_scientist.claims.model import Claim, Direction, Verdict
from ai_scientist.claims.truth import Truth
from ai_scientist.claims.vocabulary import Vocabulary
from ai_scientist.metrics import Measurement

_RANK: dict[Verdict, int] = {"verified": 0, "not_checkable": 1, "unsupported": 2, "contradicted": 3}
_ALL = re.compile(r"\b(?:all|every|each|both|everywhere)\b", re.IGNORECASE)
_USUAL = 3
"""How much says that the run is meant that is usually meant where none is named."""
_SURE: dict[Verdict, int] = {"verified": 0, "contradicted": 1, "not_checkable": 2, "unsupported": 3}


@dataclass(frozen=True)
class _Seen:
    """A judgement of an assertion with one meaning of its metric and one reference."""

    metric: str
    reference: int | None
    direction: Direction | None
    verdict: Verdict
    actual: float | None
    why: str


def judge(assertions: Sequence[Assertion], words: Vocabulary) -> list[Claim]:
    """The claims of one sentence: one for every run, dataset, metric and reference."""
    likely = _likelier(assertions, words)
    judged = list(_placed(list(_held([(it, _see(it, words)) for it in likely])), words))
    return list(_merged([_claim(it, seen) for it, seen in _gated(list(_eased(judged)), assertions, words)]))


def _held(judged: Sequence[tuple[Assertion, _Seen]]) -> Iterator[tuple[Assertion, _Seen]]:
    """ "comparable to previous runs": only those that it holds against, if there are any."""
    held = {(it.run, it.dataset, it.metrics) for it, seen in judged if it.some and seen.verdict == "verified"}
    for it, seen in judged:
        if not it.some or seen.verdict == "verified" or (it.run, it.dataset, it.metrics) not in held:
            yield it, seen


def _likelier(assertions: Sequence[Assertion], words: Vocabulary) -> list[Assertion]:
    """The assertions; where no reference is named, first the one that most of the sentence holds against."""
    open_ones = [it for it in assertions if not it.strict]
    holds = Counter(
        (it.run, run) for it in open_ones for run in it.references for _ in range(_evidence(it, run, words))
    )

    def away(it: Assertion, run: int) -> int:
        return -holds[it.run, run] - _USUAL * (run == it.references[0])

    return [
        it if it.strict else replace(it, references=tuple(sorted(it.references, key=lambda run: away(it, run))))
        for it in assertions
    ]


def _evidence(it: Assertion, reference: int, words: Vocabulary) -> int:
    """How much says that an assertion is meant against a run: that its numbers hold (4), or its direction (2), or that
    its old numbers fit (4)."""
    if _meant(it, reference, words).verdict == "verified":
        return 4 if it.given else 2
    old = replace(
        it, run=reference, way=None, given=tuple(Given(one.index, old.number) for one in it.given for old in one.olds)
    )
    return 4 * (bool(old.given) and _meant(old, None, words).verdict == "verified")


def _gated(
    judged: Sequence[tuple[Assertion, _Seen]], assertions: Sequence[Assertion], words: Vocabulary
) -> Iterator[tuple[Assertion, _Seen]]:
    """Contradictions only where the reading is certain; else they cannot be checked."""
    for it, seen in judged:
        if seen.verdict == "contradicted" and (not it.sure or belongs_elsewhere(it, assertions, words)):
            yield it, replace(seen, verdict="not_checkable", why=f"{seen.why}; what it is said of is not certain")
        else:
            yield it, seen


def _placed(judged: list[tuple[Assertion, _Seen]], words: Vocabulary) -> Iterator[tuple[Assertion, _Seen]]:
    """A number that is right for one of the things that a sentence names is said of that one alone."""
    right = {key for it, seen in judged if seen.verdict == "verified" for one in it.given for key in _keys(it, one)}
    for it, seen in judged:
        rest = tuple(one for one in it.given if not right & set(_keys(it, one)))
        if seen.verdict != "contradicted" or len(rest) == len(it.given) or _ALL.search(it.sentence.text):
            yield it, seen
        elif rest or it.way is not None:
            kept = replace(it, given=rest)
            yield kept, _see(kept, words)


def _keys(it: Assertion, one: Given) -> list[tuple[object, ...]]:
    """A number with all but the dataset, and with all but the metric, that it is said of."""
    said = (one.index, one.number.value, it.run, it.references)
    return [] if one.number.bound or it.sentence.table else [(*said, it.metrics, None), (*said, None, it.dataset)]


def _see(it: Assertion, words: Vocabulary) -> _Seen:
    references: tuple[int | None, ...] = it.references or (None,)
    seen = [_meant(it, reference, words) for reference in references]
    best = seen[0] if it.strict else min(seen, key=lambda one: one.verdict != "verified")
    if not it.strict and best.verdict == "unsupported":
        best = replace(best, reference=None, direction=None)
    return _hinted(it, best, words) if best.verdict == "contradicted" and it.strict and it.references else best


def _meant(it: Assertion, reference: int | None, words: Vocabulary) -> _Seen:
    """Of several meanings of a word the one that is right; else that of validation."""
    seen = [_one(it, metric, reference, words) for metric in it.metrics]
    return min(seen, key=lambda one: (_SURE[one.verdict], "val" not in one.metric))


def _one(it: Assertion, metric: str, reference: int | None, words: Vocabulary) -> _Seen:
    now = _measured(words, it.run, it.dataset, metric)
    if now is None:
        why = f"run {it.run} has no {metric} on {it.dataset}" if it.dataset else f"no run has {metric}"
        return _Seen(metric, reference, None, "unsupported", None, why)
    then = None if reference is None else _measured(words, reference, it.dataset, metric)
    truth = Truth(metric, now, then, words)
    direction = _direction(it, truth)
    if reference is not None and then is None:
        why = f"run {reference} has no {metric} on {it.dataset} to compare with"
        return _Seen(metric, reference, direction, "unsupported", now.mean, why)
    verdict, why = _verdict(it, truth, words)
    why = truth.told(it.run, it.dataset, reference) + why
    if verdict == "contradicted" and reference is None:
        why += _elsewhere(it, truth, words)
    return _Seen(metric, reference, direction, verdict, now.mean, why)


def _verdict(it: Assertion, truth: Truth, words: Vocabulary) -> tuple[Verdict, str]:
    way = it.way
    if way in ("up", "down") and "speed" in it.sentence.text.lower() and words.kind(truth.metric) == "step":
        way = None  # a higher speed of convergence is fewer steps
    fits = truth.way(way, None)
    right = _numbers_fit(it, truth)
    if not right or fits is False:
        return "contradicted", ""
    if it.most and not _is_most(it, truth, words):
        return "contradicted", f"; it is not that of the {it.most} value of all runs"
    if fits is None:
        unclear = "neither the same nor clearly different" if way == "same" else "which way is better is not said"
        return "not_checkable", f"; {unclear}"
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


def _direction(it: Assertion, truth: Truth) -> Direction | None:
    """The direction that is claimed, by a word or by the order of two numbers."""
    if not it.references:
        return _most_way(it, truth) if it.most else None
    if it.way is not None:
        said = truth.direction(it.way)
        if said is not None or it.way.startswith("not "):
            return said
    for one in it.given:
        if one.way is not None:
            return truth.direction(one.way)
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
    until = [value for run, value in values.items() if run <= it.run or it.sentence.run != it.run]
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


def _hinted(it: Assertion, seen: _Seen, words: Vocabulary) -> _Seen:
    """A contradiction with the reference that would fit, if another does."""
    for run in words.results.metrics:
        if run not in (it.run, seen.reference) and _one(it, seen.metric, run, words).verdict == "verified":
            return replace(seen, why=f"{seen.why}; it holds against run {run}")
    return seen


def _measured(words: Vocabulary, run: int, dataset: str, metric: str) -> Measurement | None:
    return words.results.metrics.get(run, {}).get(dataset, {}).get(metric)


def _eased(judged: list[tuple[Assertion, _Seen]]) -> Iterator[tuple[Assertion, _Seen]]:
    """Where no dataset is named it may hold for some only: then those that it does not hold for are passed over."""
    unsure = [(it, seen) for it, seen in judged if not it.certain]
    for it, seen in judged:
        if it.certain:
            yield it, seen
            continue
        about = [
            other for one, other in unsure if one.run == it.run and one.metrics == it.metrics and one.given == it.given
        ]
        right = sum(other.verdict == "verified" for other in about)
        if it.part:
            if seen.verdict == "verified":
                yield it, seen
            continue
        mostly = it.way is not None and it.strict and not it.given
        holds = 2 * right >= len(about) if mostly else right > 0
        if seen.verdict == "verified" or (it.way is not None and not holds and seen.verdict == "contradicted"):
            yield it, seen
        elif not holds and it.given and seen is about[0]:
            why = f"{seen.why}; for which dataset this is said is not clear, and it holds for none"
            yield replace(it, dataset=""), replace(seen, verdict="unsupported", actual=None, why=why)


def _claim(it: Assertion, seen: _Seen) -> Claim:
    claimed = next((one.number.value for one in it.given), None)
    return Claim(
        it.sentence.line, it.sentence.text, it.run, it.dataset or None, seen.metric, seen.reference, seen.direction,
        claimed, seen.actual, seen.verdict, seen.why,
    )  # fmt: skip


def _merged(claims: list[Claim]) -> Iterator[Claim]:
    """One claim a key, the worst; a value that stands beside a comparison belongs to it."""
    best: dict[tuple[int | None, str | None, str | None, int | str | None], Claim] = {}
    for claim in claims:
        among = "all" if claim.reference is None and claim.direction is not None else None  # a superlative
        key = (claim.run, claim.dataset, claim.metric, claim.reference if among is None else among)
        other = best.get(key)
        if other is None or _weight(claim) > _weight(other):
            best[key] = claim
    for key, claim in best.items():
        compared = [it for other, it in best.items() if other[:3] == key[:3] and other[3] is not None]
        value = best.get((*key[:3], None))
        if key[3] is None and compared:
            continue
        if (
            value is not None
            and value is not claim
            and _RANK[value.verdict] > _RANK[claim.verdict]
            and claim is compared[0]
        ):
            yield replace(claim, verdict=value.verdict, claimed=value.claimed, why=value.why)
        else:
            yield claim


def _weight(claim: Claim) -> tuple[int, bool, bool]:
    return _RANK[claim.verdict], claim.claimed is not None, claim.direction is not None
