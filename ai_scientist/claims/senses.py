"""What words mean where they stand: thresholds, datasets that no run has, tags of numbers, units."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.bounds import alike_within, bounded
from ai_scientist.claims.counted import counted
from ai_scientist.claims.idioms import idioms
from ai_scientist.claims.lexicon import english, spoken
from ai_scientist.claims.superlatives import superlatives
from ai_scientist.claims.tokens import Token, lexed
from ai_scientist.claims.unclaimed import aspects, awaited, presupposed, selected, unguessed, unrelated
from ai_scientist.claims.vocabulary import Meanings, Vocabulary

_DATASETS = ("dataset", "task", "corpus", "environment", "benchmark", "operation", "game", "domain")


def tokens(text: str, words: Vocabulary) -> list[Token]:
    """The tokens of a sentence in order, each with its meaning in this sentence."""
    found = bounded(alike_within(_arrows(_tags(_foreign(lexed(text, words), words), words))))
    found = aspects(unrelated(found))
    found = counted(_all_runs(_shared_heads(_thresholds(found, words), words)), words.datasets)
    return superlatives(selected(unguessed(presupposed(awaited(idioms(found))))))


def _foreign(found: list[Token], words: Vocabulary) -> list[Token]:
    """Names of datasets that no run has: "the swiss_roll dataset", x_times_y beside x_div_y."""
    result = list(found)
    for index, token in enumerate(found):
        if token.kind not in ("word", "setting"):
            continue
        around = [it.text.lower() for it in (*found[max(0, index - 1) : index], *found[index + 1 : index + 2])]
        placed = index > 0 and (found[index - 1].kind == "prep" or around[0] in _DATASETS)
        coded = "_" in token.text or any(it.isdigit() for it in token.text)
        called = any(it in _DATASETS for it in around[-1:] if index + 1 < len(found)) and placed
        if called or (coded and placed and around[0] in _DATASETS) or _alike(token.text, words.datasets):
            result[index] = replace(token, kind="unknown", value=token.text)
    return result


def _tags(found: list[Token], words: Vocabulary) -> list[Token]:
    """ "4500 (reversal) to 1443": in brackets behind a number, the one run whose name has that word."""
    result: list[Token] = []
    for index, token in enumerate(found):
        around = [it.kind for it in (*result[-3:], *found[index + 1 : index + 2])]
        tagged = around[-2:] == ["open", "close"] and "number" in around[:-2] and token.kind in ("word", "setting")
        runs = [run for run, name in words.results.labels.items() if token.text.lower() in spoken(name.lower())]
        result.append(replace(token, kind="run", value=tuple(runs)) if tagged and len(runs) == 1 else token)
    return result


def _alike(name: str, known: Sequence[str]) -> bool:
    """Whether a name is built like a known one: x_times_y like x_div_y."""
    parts = name.split("_")
    return len(parts) > 2 and any(
        len(other) == len(parts) and other[0] == parts[0] and other[-1] == parts[-1]
        for other in (it.split("_") for it in known)
    )


def _arrows(found: list[Token]) -> list[Token]:
    """ "->" as one sign; behind a name it is a colon. "1.2 <- 1.5": the second was before."""
    result: list[Token] = []
    for token in found:
        last = result[-1] if result else None
        glued = last is not None and last.end == token.start
        if last and glued and token.kind == "bound" and last.kind in ("hyphen", "equals"):
            result[-1] = Token("arrow", last.start, token.end, last.text + token.text)
        elif last and glued and token.kind == "hyphen" and last.text == "<":
            result[-1] = Token("than", last.start, token.end, last.text + token.text, "-")
        else:
            result.append(token)
    return [
        replace(it, kind="colon") if it.kind == "arrow" and at and result[at - 1].kind in ("dataset", "metric") else it
        for at, it in enumerate(result)
    ]


def _thresholds(found: list[Token], words: Vocabulary) -> list[Token]:
    """ "99% validation accuracy" is the metric of the steps until then, where there is one: no claim of an accuracy."""
    result: list[Token] = []
    skip = -1
    for index, token in enumerate(found):
        if index <= skip:
            continue
        meant = _threshold(token, words)
        after = found[index + 1] if index + 1 < len(found) else None
        accuracy = after is not None and _is_accuracy(after)
        reached = any(it.text.lower().split()[-1] in english().reached for it in result[-2:] if it.text) and not any(
            map(_is_accuracy, result[-3:])
        )
        reached = reached or _is_reached(found[index + 1 : index + 4])
        if not meant or not (accuracy or (reached and token.value.percent)):
            result.append(token)
            continue
        skip = index + 1 if accuracy else index
        start = token.start
        while result and _leads(result, meant):
            start = result.pop().start
        result.append(Token("metric", start, found[skip].end, token.text, meant))
    return _reached_at([_subject_unit(result, index, words) for index in range(len(result))], words)


def _is_reached(after: Sequence[Token]) -> bool:
    """ "99% is reached at step 853"."""
    verb, reached, at = [*(it.text.lower() for it in after), "", "", ""][:3]
    return verb in ("is", "was") and reached in english().reached and at in ("at", "at step", "after", "in", "only")


def _reached_at(found: list[Token], words: Vocabulary) -> list[Token]:
    """ "reached 99% at step 853": the step of a metric that counts them, not one in the middle of training."""
    steps = words.of_kind("step")
    return [
        replace(it, kind="prep")
        if it.kind == "midway" and it.text[:2].lower() in ("at", "by") and _counts(found[:at], steps)
        else it
        for at, it in enumerate(found)
    ]


def _counts(before: Sequence[Token], steps: Meanings) -> bool:
    """Whether the last metric that is named counts steps."""
    last = next((it for it in reversed(before[-12:]) if it.kind == "metric"), None)
    return last is not None and set(last.value) <= set(steps)


def _threshold(token: Token, words: Vocabulary) -> Meanings:
    """The metrics that count steps until a number, which may be said as a fraction."""
    if token.kind != "number":
        return ()
    value = token.value.value
    return words.thresholds.get(value) or words.thresholds.get(round(100 * value, 9) if value < 1 else value, ())


def _is_accuracy(token: Token) -> bool:
    return token.kind in ("metric", "measure") and "acc" in token.text.lower()


def _leads(result: Sequence[Token], meant: Meanings) -> bool:
    """Whether the last token belongs to a threshold that follows: "steps to reach"."""
    last = result[-1]
    if last.kind == "metric":
        return set(last.value) <= set(meant)
    numbered = len(result) > 1 and result[-2].kind == "number"
    return last.text.lower() in english().reached or (last.kind == "unit" and not numbered)


def _shared_heads(found: list[Token], words: Vocabulary) -> list[Token]:
    """ "training and inference times": the last word belongs to both."""
    result = list(found)
    for at in range(2, len(found)):
        one, joint, other = found[at - 2 : at + 1]
        joined = joint.text.lower() in ("and", "or") and one.kind in ("weak", "function", "word")
        if other.kind != "metric" or not joined:
            continue
        head = other.text.split()[-1].lower()
        meant = words.lexicon.by_first.get(one.text.lower(), {}).get((one.text.lower(), head))
        if meant is not None and meant.kind == "metric":
            result[at - 2] = replace(one, kind="metric", value=meant.value)
    return result


def _all_runs(found: list[Token]) -> list[Token]:
    """ "in all previous runs" says nothing of datasets."""
    runs = ("earlier", "otherruns", "run", "previous")
    return [
        replace(token, kind="prep")
        if token.kind in ("all", "both") and any(it.kind in runs for it in found[at + 1 : at + 2])
        else token
        for at, token in enumerate(found)
    ]


def _subject_unit(found: list[Token], index: int, words: Vocabulary) -> Token:
    """ "Steps: 4200", "steps fell": the unit is the metric, unless a number stands before it."""
    token = found[index]
    steps = words.of_kind("step")
    before = [it for it in found[max(0, index - 3) : index] if it.kind not in ("function", "word")]
    numbered = bool(before) and before[-1].kind in ("number", "hyphen", "close", "setting", "unit")
    if (
        token.kind == "unit"
        and token.value == "step"
        and steps
        and not numbered
        and token.text.lower() not in ("step", "iterations")
    ):
        return replace(token, kind="metric", value=steps)
    return token
