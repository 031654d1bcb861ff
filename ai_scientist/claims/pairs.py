"""Numbers that belong together: a new value and the old ones that it is compared with."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.given import Given, Old
from ai_scientist.claims.tokens import Token

_UNDECIDED = ("function", "unit", "prep", "bound", "open", "close", "was", "hyphen")
_PASSED = (
    *_UNDECIDED,
    "comma",
    "run",
    "reference",
    "previous",
    "dataset",
    "metric",
    "go",
    "as",
    "over",
    "than",
    "split",
    "from",
    "colon",
)


_BEFORE = ("before", "previously", "originally", "earlier")
_TAG = ("open", "run", "reference", "close", "unit", "function")


def paired(found: Sequence[Token], given: list[Given]) -> list[Given]:
    """New and old values that belong together: "A vs B", "from B to A", "A (B in Run 1)"."""
    result: list[Given] = []
    for it in given:
        _pair(found, result, it)
    return _lists(found, result)


def _pair(found: Sequence[Token], result: list[Given], it: Given) -> None:
    last = result[-1] if result else None
    if last is None or it.kind != "value":
        result.append(it)
        return
    between = found[last.last + 1 : it.index]
    comparable = last.kind in ("value", "old") and (
        last.number.percent == it.number.percent or 0 <= last.number.value <= 1
    )
    if comparable and _goes_to(found, last, between):
        runs = last.runs or _run_before(found, last.index)
        result[-1] = replace(it, olds=(Old(last.number, runs),), runs=())
        if len(result) > 1 and _shares_from(found, result[-2], last):
            other = result.pop(-2)
            result[-1] = replace(result[-1], olds=(Old(other.number, other.runs), *result[-1].olds))
        return
    versus = comparable and last.kind == "value" and not last.olds
    versus = versus and (_versus(between, found, last.last) or _was_before(found, result, it, between))
    if versus or (
        comparable
        and last.olds
        and last.olds[-1].runs
        and _continues(between)
        and (it.runs or _run_before(found, it.index))
    ):
        runs = _run_within(between) or it.runs
        if [token.kind for token in between if token.kind != "unit"] == ["open"] and not runs:
            runs = next((one.olds[0].runs for one in reversed(result) if one.olds), ())
        if not versus:
            runs = it.runs or _run_before(found, it.index)
        if (
            versus
            and last.runs
            and not last.olds
            and (last.runs == (0,) or last.runs == "previous")
            and runs != last.runs
        ):
            result[-1] = replace(
                it, olds=(Old(last.number, last.runs),), index=last.index
            )  # "4200 in the baseline vs 2873 here"
            return
        result[-1] = replace(last, last=it.index, olds=(*last.olds, Old(it.number, runs)), unit=last.unit or it.unit)
        return
    result.append(it)


def _goes_to(found: Sequence[Token], last: Given, between: Sequence[Token]) -> bool:
    """ "from B to A", "B -> A"."""
    kinds = [token.kind for token in between]
    if "arrow" in kinds:
        return all(kind in (*_UNDECIDED, "arrow", "run", "reference", "metric") for kind in kinds)
    bracketed = last.index > 0 and found[last.index - 1].kind == "open" and kinds == ["to"]
    listed = found[last.index - 1].kind == "colon" and [kind for kind in kinds if kind not in _TAG] == ["to"]
    begun = bracketed or listed or _begun(found, last.index)
    return begun and bool({"to", "span"} & set(kinds)) and not set(kinds) & {"semicolon", "go"} and len(kinds) < 9


def _begun(found: Sequence[Token], index: int) -> bool:
    """Whether "from" stands before a number, and no "to" between them."""
    before = [token.kind for token in found[max(0, index - 10) : index]]
    return "from" in before and "to" not in before[len(before) - before[::-1].index("from") :]


def _shares_from(found: Sequence[Token], one: Given, other: Given) -> bool:
    """ "from 4200 in the baseline and 3400 in Run 2 to 2900"."""
    between = found[one.last + 1 : other.index]
    return (
        _begun(found, one.index)
        and one.kind == "value"
        and bool(one.runs)
        and any(token.text.lower() == "and" for token in between)
    )


def _versus(between: Sequence[Token], found: Sequence[Token], start: int) -> bool:
    """Whether what stands between two numbers says that the second is the old one."""
    kinds = [token.kind for token in between]
    if [token.text.lower() for token in between] == ["after"]:
        return True
    if any(token.kind not in _PASSED or token.value == "strong" for token in between) or len(kinds) > 12:
        return False
    if "than" in kinds:
        at = kinds.index("than")
        return not set(kinds[at + 1 :]) & {"go", "comma", "semicolon", "split", "dataset"}
    opened = kinds.count("open") > kinds.count("close")
    named = [token for token in between if token.kind in ("run", "reference", "previous")]
    if opened:
        if kinds[-1] == "open" and len(kinds) > 1 and kinds[-2] == "reference":
            return "split" not in kinds  # "is above that of Run 3 (0.52"
        inside = between[max(at for at, kind in enumerate(kinds) if kind == "open") + 1 :]
        words = {token.kind for token in inside}
        after = found[start + len(between) + 2 : start + len(between) + 6]
        tagged = not inside and any(token.kind in ("run", "reference", "previous") for token in after[:4])
        return (bool(words & {"run", "reference", "previous", "was", "from"}) and "go" not in words) or tagged
    if (
        "comma" in kinds
        and ("was" in kinds or "from" in kinds)
        and not named
        and "dataset" not in kinds
        and "metric" not in kinds
    ):
        return kinds[-1] in ("was", "from")
    return (
        bool(named)
        and named[-1].kind == "reference"
        and kinds.index("reference") > len(kinds) - 4
        and "split" not in kinds
    )


def _was_before(found: Sequence[Token], given: Sequence[Given], it: Given, between: Sequence[Token]) -> bool:
    """ "a 90.8% (89.1% before), b 95.8% (95.4%)": a value alone in brackets, where one of the sentence says so."""
    after = [token.text.lower() for token in found[it.index + 1 : it.index + 3]]
    if [token.kind for token in between if token.kind != "unit"] != ["open"] or not after:
        return False
    if after[0] in _BEFORE:
        return True
    pairs = [one for one in given if one.olds and one.kind == "value" and one.last + 1 < len(found)]
    return after[0] == ")" and any(_says_old(found, one) for one in pairs)


def _says_old(found: Sequence[Token], it: Given) -> bool:
    """Whether a pair ends in a bracket that says what its second value is: "(89.1% before)", "(baseline 0.44)"."""
    before, after = found[it.last - 1], found[it.last + 1]
    return after.text.lower() in _BEFORE or (after.kind == "close" and before.kind in ("reference", "run", "colon"))


def _continues(between: Sequence[Token]) -> bool:
    """ "... vs 4200 in the baseline and 906 in Run 1"."""
    kinds = {token.kind for token in between}
    allowed = {
        "unit",
        "prep",
        "run",
        "reference",
        "previous",
        "comma",
        "split",
        "function",
        "than",
        "close",
        "semicolon",
        "colon",
    }
    return kinds <= allowed and not any(token.value == "strong" for token in between)


def _run_before(found: Sequence[Token], index: int) -> tuple[int, ...] | str:
    """The run right before a number: "the baseline's 0.45", "Run 1: 0.39"."""
    for token in reversed(found[max(0, index - 3) : index]):
        if token.kind in ("run", "reference"):
            return tuple(token.value) if isinstance(token.value, tuple) else str(token.value)
        if token.kind == "previous":
            return "previous"
        if token.kind not in ("function", "colon", "prep", "open", "equals", "was", "metric"):
            break
    return ()


def _run_within(between: Sequence[Token]) -> tuple[int, ...] | str:
    found = [token for token in between if token.kind in ("run", "reference", "previous")]
    if not found:
        return ()
    last = found[-1]
    after_than = (
        any(token.kind in ("than", "was", "open", "from") for token in between[: between.index(last)])
        or last.kind == "reference"
    )
    if not after_than:
        return ()
    return (
        tuple(last.value)
        if isinstance(last.value, tuple)
        else "previous"
        if last.kind == "previous"
        else str(last.value)
    )


def _lists(found: Sequence[Token], given: list[Given]) -> list[Given]:
    """ "907 and 727 steps, compared to 4203 and 4720 in the baseline": each new value has an old one."""
    for at, it in enumerate(given):
        if not it.olds or at == 0 or it.kind != "value" or len(it.olds) != 1:
            continue
        ahead = [at]
        while ahead[0] > 0 and _listed(found, given[ahead[0] - 1], given[ahead[0]]) and not given[ahead[0] - 1].olds:
            ahead.insert(0, ahead[0] - 1)
        count = len(ahead)
        rest = given[at + 1 : at + count]
        if (
            count < 2
            or len(rest) != count - 1
            or any(other.kind not in ("value", "old") or other.olds for other in rest)
        ):
            continue
        if len(given) > at + count and _listed(found, given[at + count - 1], given[at + count]):
            continue
        runs = it.olds[0].runs or rest[-1].runs
        values = [it.olds[0].number, *(other.number for other in rest)]
        zipped = [
            replace(given[place], olds=(Old(value, runs),), runs=()) for place, value in zip(ahead, values, strict=True)
        ]
        return [*given[: ahead[0]], *zipped, *_lists(found, given[at + count :])]
    return given


def _listed(found: Sequence[Token], one: Given, other: Given) -> bool:
    between = found[one.last + 1 : other.index]
    return one.kind == "value" and all(
        token.kind in ("comma", "split", "unit", "prep", "dataset") and token.value != "strong" for token in between
    )
