"""Verdicts: what is asserted, beside what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ai_scientist.claims.binding import Assertion, Way
from ai_scientist.claims.model import Claim, Direction, Verdict
from ai_scientist.claims.numbers import Number
from ai_scientist.claims.vocabulary import Vocabulary
from ai_scientist.compare import SIGNIFICANCE, compare
from ai_scientist.metrics import Measurement
from ai_scientist.prompts import number as shown

SAME, DIFFERENT = 0.08, 0.20  # relative differences that are "the same" at most, and "different" at least
RATIO = 0.15  # how far off "twice" may be
_RANK: dict[Verdict, int] = {"verified": 0, "not_checkable": 1, "unsupported": 2, "contradicted": 3}


@dataclass(frozen=True)
class _Seen:
    """A judgement of an assertion with one meaning of its metric and one reference."""

    metric: str
    reference: int | None
    verdict: Verdict
    actual: float | None
    claimed: float | None
    why: str


def judge(assertions: list[Assertion], words: Vocabulary) -> list[Claim]:
    """The claims of one sentence: one for every run, dataset, metric and reference."""
    claims = [claim for assertion in assertions for claim in _judged(assertion, words)]
    uncertain = [not assertion.certain for assertion in assertions for _ in _judged(assertion, words)]
    if any(uncertain):
        holds = any(it.verdict == "verified" for it, unsure in zip(claims, uncertain, strict=True) if unsure)
        claims = [_eased(it) if unsure and holds else it for it, unsure in zip(claims, uncertain, strict=True)]
    return list(_merged(claims))


def _eased(claim: Claim) -> Claim:
    if claim.verdict != "contradicted":
        return claim
    return replace(claim, verdict="not_checkable", why=f"{claim.why}; the sentence does not say for which datasets")


def _merged(claims: list[Claim]) -> Iterator[Claim]:
    """One claim a key: the worst verdict, the one with a number before the one without."""
    best: dict[tuple[int | None, str | None, str | None, int | None], Claim] = {}
    for claim in claims:
        key = (claim.run, claim.dataset, claim.metric, claim.reference)
        other = best.get(key)
        if other is None or (_RANK[claim.verdict], claim.claimed is not None) > (
            _RANK[other.verdict],
            other.claimed is not None,
        ):
            best[key] = claim
    for claim in best.values():
        valued = [
            it for key, it in best.items() if key[:3] == (claim.run, claim.dataset, claim.metric) and key[3] is not None
        ]
        if claim.reference is None and claim.verdict == "verified" and valued:
            continue
        yield claim


def _judged(it: Assertion, words: Vocabulary) -> list[Claim]:
    compares = it.way is not None or (it.given is not None and it.given.kind != "value")
    if not compares:
        return [_claim(it, _best([_see(it, metric, None, words) for metric in it.metrics]), words)]
    if it.references and not it.loose:
        each = [_best([_see(it, metric, reference, words) for metric in it.metrics]) for reference in it.references]
        return [_claim(it, _hinted(it, seen, words), words) for seen in each]
    pinned = it.given is not None and it.given.kind == "pair"  # its old value says which run is meant
    references = it.references if it.references and not pinned else _default(it, words)
    if not references:
        return []
    seen = [_best([_see(it, metric, reference, words) for metric in it.metrics]) for reference in references]
    chosen = next((one for one in seen if one.verdict == "verified"), seen[0])
    return [_claim(it, chosen, words)]


def _default(it: Assertion, words: Vocabulary) -> tuple[int, ...]:
    """Without a reference the baseline is meant, or the run before."""
    before = [run for run in words.results.metrics if run < it.run]
    if it.given is not None and it.given.kind == "pair":
        return tuple(dict.fromkeys((*it.references, 0, *reversed(before))))
    return tuple(dict.fromkeys((*it.references, 0, max(before), *it.carried))) if before else ()


def _best(seen: list[_Seen]) -> _Seen:
    """Of several meanings of a word the one that is right; else the last named validation-like one."""
    return min(
        enumerate(seen),
        key=lambda pair: (
            _RANK[pair[1].verdict] if pair[1].verdict != "unsupported" else 9,
            "val" not in pair[1].metric,
            pair[0],
        ),
    )[1]


def _see(it: Assertion, metric: str, reference: int | None, words: Vocabulary) -> _Seen:
    now = _measured(words, it.run, it.dataset, metric)
    claimed = it.given.number.value if it.given else None
    if now is None:
        return _Seen(metric, reference, "unsupported", None, claimed, f"run {it.run} has no {metric} on {it.dataset}")
    if reference is None:
        return _value(it, metric, now, words)
    then = _measured(words, reference, it.dataset, metric)
    if then is None:
        why = f"run {reference} has no {metric} on {it.dataset}, to compare with"
        return _Seen(metric, reference, "unsupported", now.mean, claimed, why)
    return _compared(it, metric, reference, now, then, words)


def _value(it: Assertion, metric: str, now: Measurement, words: Vocabulary) -> _Seen:
    assert it.given is not None
    number = it.given.number
    right = (
        number.fits_fraction(now.mean) if words.is_fraction(metric) else number.fits(now.mean) and not number.percent
    )
    why = f"{metric} of run {it.run} on {it.dataset} is {shown(now.mean)}"
    if right and it.given.error is not None:
        right, why = _error_fits(it, now, why)
        if now.stderr is None:
            return _Seen(metric, None, "unsupported", now.mean, number.value, why)
    if not right:
        why += _elsewhere(it, metric, words)
    return _Seen(metric, None, "verified" if right else "contradicted", now.mean, number.value, why)


def _error_fits(it: Assertion, now: Measurement, why: str) -> tuple[bool, str]:
    assert it.given is not None
    assert it.given.error is not None
    if now.stderr is None:
        return False, f"{why}, and no standard error was measured"
    spread = now.stderr * len(now.values) ** 0.5
    error = it.given.error
    percent = 100.0 if error.percent else 1.0
    return error.fits(percent * now.stderr) or error.fits(percent * spread), f"{why} ± {shown(now.stderr)}"


def _elsewhere(it: Assertion, metric: str, words: Vocabulary) -> str:
    """Where the number that is wrong here would be right."""
    assert it.given is not None
    for run, metrics in words.results.metrics.items():
        for dataset, measured in metrics.items():
            if metric in measured and it.given.number.fits(measured[metric].mean):
                return f"; {shown(it.given.number.value)} is that of run {run} on {dataset}"
    return ""


def _compared(
    it: Assertion, metric: str, reference: int, now: Measurement, then: Measurement, words: Vocabulary
) -> _Seen:
    way = _direction(it.way, metric, words)
    change = now.mean - then.mean
    actual, claimed = now.mean, it.given.number.value if it.given else None
    why = f"{metric} on {it.dataset}: {shown(now.mean)} in run {it.run}, {shown(then.mean)} in run {reference}"
    if it.way is not None and way is None and it.given is None:
        return _Seen(metric, reference, "not_checkable", actual, claimed, f"{why}; which way is better is not said")
    fits = _way_fits(it.way, way, now, then, metric, words)
    if fits is None:
        return _Seen(
            metric, reference, "not_checkable", actual, claimed, f"{why}; neither the same nor clearly different"
        )
    if it.given is not None:
        number_fits, actual, told = _number_fits(it, metric, now, then, words)
        why += told
        fits = fits and number_fits
    verdict: Verdict = "verified" if fits else "contradicted"
    return _Seen(
        metric,
        reference,
        verdict,
        actual,
        claimed,
        why if fits or not change else f"{why}: {'lower' if change < 0 else 'higher'}",
    )


def _way_fits(
    said: Way | None, way: Direction | None, now: Measurement, then: Measurement, metric: str, words: Vocabulary
) -> bool | None:
    difference = now.mean - then.mean
    if said is None:
        return True
    if said.startswith("not "):
        meant = _direction(said[4:], metric, words)  # type: ignore[arg-type]
        close = abs(difference) <= SAME / 4 * abs(then.mean)
        return None if meant is None else close or (difference >= 0 if meant == "lower" else difference <= 0)
    if said == "same":
        return _alike(now, then)
    if way is None:
        return True
    return difference < 0 if way == "lower" else difference > 0


def _alike(now: Measurement, then: Measurement) -> bool | None:
    relative = abs(now.mean - then.mean) / max(abs(then.mean), abs(now.mean), 1e-300)
    if relative <= SAME:
        return True
    p = compare(now, then, 0).p
    if p is not None and p >= SIGNIFICANCE:
        return True
    return None if relative < DIFFERENT else False


def _number_fits(
    it: Assertion, metric: str, now: Measurement, then: Measurement, words: Vocabulary
) -> tuple[bool, float, str]:
    """(whether the number is right, what it would have to be, words for it)."""
    assert it.given is not None
    number, change = it.given.number, now.mean - then.mean
    fraction = words.is_fraction(metric)

    def fits(n: Number, value: float) -> bool:
        return n.fits_fraction(value) if fraction else n.fits(value) and not n.percent

    match it.given.kind:
        case "value":
            return fits(number, now.mean), now.mean, ""
        case "pair":
            assert it.given.other is not None
            return fits(number, now.mean) and fits(it.given.other, then.mean), now.mean, ""
        case "percent":
            percent = 100 * change / abs(then.mean) if then.mean else float("inf")
            size = replace(number, value=abs(number.value))
            right = not number.points and (
                size.fits(abs(percent)) or abs(size.value - abs(percent)) <= size.step * 1.01
            )
            points = fraction and (
                size.fits(abs(100 * change)) or abs(size.value - abs(100 * change)) <= size.step * 1.01
            )
            signed = (
                not number.signed or it.way in ("better", "worse", "faster", "slower") or number.value * change >= 0
            )
            return (right or points) and signed, percent, f" ({percent:+.1f}%)"
        case "difference":
            size = replace(number, value=abs(number.value))
            return size.fits(abs(change)), change, f" (difference {shown(change)})"
        case "ratio":
            ratio = now.mean / then.mean if then.mean else float("inf")
            wanted = number.value if number.value >= 1 else 1 / max(number.value, 1e-9)
            larger = max(ratio, 1 / ratio) if ratio > 0 else float("inf")
            return (
                number.fits(ratio) or number.fits(1 / ratio if ratio else 0) or abs(larger - wanted) <= RATIO * wanted,
                ratio,
                f" ({ratio:.2f} times)",
            )


def _direction(way: Way | None, metric: str, words: Vocabulary) -> Direction | None:
    """The direction in numbers that words mean for a metric; None where they mean none."""
    if way is None or way.startswith("not "):
        return None
    if way == "same":
        return "same"
    if way in ("up", "down"):
        return "higher" if way == "up" else "lower"
    if way in ("faster", "slower"):
        kind = words.kind(metric)
        if kind == "other":
            return None
        return "higher" if (kind == "speed") == (way == "faster") else "lower"
    better = words.better(metric)
    if better is None:
        return None
    return better if way == "better" else "higher" if better == "lower" else "lower"


def _hinted(it: Assertion, seen: _Seen, words: Vocabulary) -> _Seen:
    """A contradiction with the reference that would fit, if another does."""
    if seen.verdict != "contradicted":
        return seen
    for run in words.results.metrics:
        if run not in (it.run, seen.reference) and _see(it, seen.metric, run, words).verdict == "verified":
            return replace(seen, why=f"{seen.why}; it holds against run {run}")
    return seen


def _measured(words: Vocabulary, run: int, dataset: str, metric: str) -> Measurement | None:
    return words.results.metrics.get(run, {}).get(dataset, {}).get(metric)


def _claim(it: Assertion, seen: _Seen, words: Vocabulary) -> Claim:
    return Claim(
        it.sentence.line,
        it.sentence.text,
        it.run,
        it.dataset,
        seen.metric,
        seen.reference,
        _direction(it.way, seen.metric, words) if seen.reference is not None else None,
        seen.claimed,
        seen.actual,
        seen.verdict,
        seen.why,
    )
