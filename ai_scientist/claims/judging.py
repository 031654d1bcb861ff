"""Verdicts: the claims of a sentence, one for every run, dataset, metric and reference."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.gate import is_doubtful
from ai_scientist.claims.given import Given
from ai_scientist.claims.likelier import likelier, narrowed
from ai_scientist.claims.model import Claim, Verdict
from ai_scientist.claims.seeing import Seen, see
from ai_scientist.claims.vocabulary import Vocabulary

_RANK: dict[Verdict, int] = {"verified": 0, "not_checkable": 1, "unsupported": 2, "contradicted": 3}
_ALL = re.compile(r"\b(?:all|every|each|both|everywhere)\b", re.IGNORECASE)


def judge(assertions: Sequence[Assertion], words: Vocabulary) -> list[Claim]:
    """The claims of one sentence: one for every run, dataset, metric and reference."""
    likely = likelier(narrowed(assertions, words), words)
    judged = list(_placed(list(_held([(it, see(it, words)) for it in likely])), words))
    return list(_merged([(_claim(it, seen), it.apart) for it, seen in _gated(list(_eased(judged)), assertions, words)]))


def _gated(
    judged: Sequence[tuple[Assertion, Seen]], assertions: Sequence[Assertion], words: Vocabulary
) -> Iterator[tuple[Assertion, Seen]]:
    """Contradictions only where the reading is certain; else they cannot be checked."""
    for it, seen in judged:
        if seen.verdict == "contradicted" and is_doubtful(it, assertions, words):
            yield it, replace(seen, verdict="not_checkable", why=f"{seen.why}; what it is said of is not certain")
        else:
            yield it, seen


def _placed(judged: list[tuple[Assertion, Seen]], words: Vocabulary) -> Iterator[tuple[Assertion, Seen]]:
    """A number that is right for one of the things that a sentence names is said of that one alone."""
    right = {key for it, seen in judged if seen.verdict == "verified" for one in it.given for key in _keys(it, one)}
    for it, seen in judged:
        rest = tuple(one for one in it.given if not right & set(_keys(it, one)))
        if seen.verdict != "contradicted" or len(rest) == len(it.given) or _ALL.search(it.sentence.text):
            yield it, seen
        elif rest or it.way is not None:
            kept = replace(it, given=rest)
            yield kept, see(kept, words)


def _keys(it: Assertion, one: Given) -> list[tuple[object, ...]]:
    """A number with all but the dataset, and with all but the metric, that it is said of."""
    said = (one.index, one.number.value, it.run, it.references)
    return [] if one.number.bound or it.sentence.table else [(*said, it.metrics, None), (*said, None, it.dataset)]


def _held(judged: Sequence[tuple[Assertion, Seen]]) -> Iterator[tuple[Assertion, Seen]]:
    """ "comparable to previous runs": only those that it holds against, if there are any."""
    held = {(it.run, it.dataset, it.metrics) for it, seen in judged if it.some and seen.verdict == "verified"}
    for it, seen in judged:
        if not it.some or seen.verdict == "verified" or (it.run, it.dataset, it.metrics) not in held:
            yield it, seen


def _eased(judged: list[tuple[Assertion, Seen]]) -> Iterator[tuple[Assertion, Seen]]:
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
        if seen.verdict == "verified" or (it.way and not it.given and not holds and seen.verdict == "contradicted"):
            yield it, seen
        elif not holds and it.given and seen is about[0]:
            why = f"{seen.why}; for which dataset this is said is not clear, and it holds for none"
            yield replace(it, dataset=""), replace(seen, verdict="unsupported", actual=None, why=why)


def _claim(it: Assertion, seen: Seen) -> Claim:
    claimed = next((one.number.value for one in it.given), None)
    return Claim(
        it.sentence.line, it.sentence.text, it.run, it.dataset or None, seen.metric, seen.reference, seen.direction,
        claimed, seen.actual, seen.verdict, seen.why,
    )  # fmt: skip


def _merged(claims: list[tuple[Claim, bool]]) -> Iterator[Claim]:
    """One claim a key, the worst; a value that stands beside a comparison belongs to it."""
    best: dict[tuple[int | None, str | None, str | None, int | str | None], Claim] = {}
    for claim, apart in claims:
        superlative = claim.reference is None and claim.direction is not None
        among = "all" if superlative else "apart" if apart else None
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
