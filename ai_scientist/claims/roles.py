"""What the numbers of a sentence are: values, pairs of a new and an old value, percent, differences, ratios."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.against import measured_from
from ai_scientist.claims.given import Given, Kind, Old
from ai_scientist.claims.labels import is_label
from ai_scientist.claims.pairs import paired
from ai_scientist.claims.ranges import ranges
from ai_scientist.claims.tokens import Token, is_a, token_at

_NUMBERS = ("number", "ratio", "percent")


def roles(found: Sequence[Token]) -> list[Given]:
    """The numbers of a sentence that can be claims, in order."""
    given = [_plain(found, index) for index, token in enumerate(found) if token.kind in _NUMBERS]
    given = ranges(found, _with_errors(found, given))
    given = [it for it in given if not is_label(found, it)]
    changed = measured_from(found, [_changed(found, it) for it in given])
    return [_of_reference(found, it) for it in paired(found, changed)]


def _of_reference(found: Sequence[Token], it: Given) -> Given:
    """ "higher than the baseline's 0.45": only the old value is given."""
    if it.kind != "value" or it.olds:
        return it
    named = next((token for token in found[it.index + 1 : it.index + 5] if token.kind in ("run", "reference")), None)
    if (
        it.runs
        and named is not None
        and named.kind == "reference"
        and (
            is_a(token_at(found, it.index - 1), "go", "than", "from")
            or (is_a(token_at(found, it.index - 1), "on", "upon") and is_a(token_at(found, it.index - 2), "go"))
        )
    ):
        return replace(it, kind="old", olds=(Old(it.number, it.runs),), runs=())
    if it.runs:
        return it
    before = [
        token
        for token in found[max(0, it.index - 4) : it.index]
        if token.kind not in ("function", "prep", "open", "metric", "bound")
    ]
    last = before[-1] if before else None
    if is_a(token_at(found, it.index - 1), "is", "are", "was", "were") and any(token.kind == "go" for token in before):
        return replace(it, kind="change") if it.number.percent else it  # "the reductions against Run 1 are 5%"
    if last is not None and last.kind in ("reference", "than") and last.value not in ("others", "earlier"):
        runs = last.value if last.kind == "reference" else ()
        bracketed = is_a(token_at(found, it.index - 1), "open")  # "than the baseline (0.41)": of which run is not clear
        if bracketed and it.number.percent:  # "than the baseline (41%)": a value, or by how much
            return replace(it, kind="change", olds=(Old(it.number, runs),), loose=True)
        return replace(it, kind="old", olds=(Old(it.number, runs),), loose=bracketed)
    return it


def _plain(found: Sequence[Token], index: int) -> Given:
    token = found[index]
    ratio = token.kind == "ratio" or token.value.times or _factor(found, index)
    after = token_at(found, index + 1)
    unit = after.value if after and after.kind == "unit" else ""
    kind: Kind = "ratio" if ratio else "value"
    return Given(index, token.value, kind, index, runs=_run_after(found, index), unit=unit, part=_part(found, index))


def _part(found: Sequence[Token], index: int) -> str:
    """ "1.0 for training, 0.9998 for validation": which half of the data a number is of."""
    if is_a(token_at(found, index + 1), "for", "on") and (named := token_at(found, index + 2)) is not None:
        return {"training": "train", "train": "train", "validation": "val", "test": "test"}.get(named.text.lower(), "")
    return ""


def _factor(found: Sequence[Token], index: int) -> bool:
    """ "by a factor of 2"."""
    return (
        is_a(token_at(found, index - 1), "of")
        and is_a(token_at(found, index - 2), "factor")
        and is_a(token_at(found, index - 3), "by")
    )


def _run_after(found: Sequence[Token], index: int) -> tuple[int, ...] | str:
    """The run that is named right after a number: "0.87 in Run 2", "4200 steps (baseline)"."""
    passed = 0
    if [it.kind for it in found[index + 1 : index + 3]] == ["open", "word"] or _is_tagged(found, index):
        return "unknown"
    for token in found[index + 1 : index + 6]:
        if token.kind in ("run", "reference"):
            if is_a(token_at(found, found.index(token) + 1), "colon", "number", "equals", "unit", "was"):
                return ()  # "39,100 (baseline: 61,200)"
            return tuple(token.value) if isinstance(token.value, tuple) else str(token.value)
        if token.kind == "previous":
            return "previous"
        if token.kind in ("unit", "open", "prep") or (token.kind == "metric" and not passed):
            passed += token.kind != "unit"
            continue
        spoken = token.kind == "function" and is_a(token_at(found, index - 1), "than")  # "than the 12 s seen in Run 2"
        if not spoken and token.text.lower() not in ("the", "that", "those", "of", "in", "for", "with", "at"):
            break
    return ()


def _is_tagged(found: Sequence[Token], index: int) -> bool:
    """ "4500 (negation only)": said of something in brackets that no run is called."""
    tag = found[index + 1 : index + 5]
    if not tag or tag[0].kind != "open":
        return False
    inside = [token.kind for token in tag[1:]]
    return (
        "close" in inside
        and all(kind in ("word", "function", "not", "setting") for kind in inside[: inside.index("close")])
        and inside[0] != "close"
    )


def _with_errors(found: Sequence[Token], given: list[Given]) -> list[Given]:
    result: list[Given] = []
    for it in given:
        if result and is_a(token_at(found, it.index - 1), "error"):
            result[-1] = replace(
                result[-1],
                error=it.number,
                last=it.index,
                runs=result[-1].runs or it.runs,
                unit=result[-1].unit or it.unit,
            )
            if it.number.percent and not result[-1].number.percent:
                result[-1] = replace(result[-1], number=replace(result[-1].number, percent=True))
        else:
            result.append(it)
    return result


def _changed(found: Sequence[Token], it: Given) -> Given:
    """Which of the plain numbers are changes: "by 5", "9.9% decrease", "+0.02"."""
    before, after = token_at(found, it.index - 1), _following(found, it.index)
    if it.kind in ("ratio", "range", "change", "difference"):
        return replace(it, way=it.way or _own_way(found, it, after))
    if it.olds:
        return it
    by = (
        is_a(before, "by")
        or (is_a(before, "of") and is_a(token_at(found, it.index - 2), "go"))
        or (
            is_a(before, "of")
            and is_a(token_at(found, it.index - 2), "function", "close")
            and is_a(token_at(found, it.index - 3), "go")
        )
    )
    by = by or (is_a(before, "of") and _is_sized(found, it.index - 1))
    by = by or _is_amount(found, it.index) or _is_end(found, it.index)
    by = by or (bool(it.unit) and is_a(before, "lose", "loses", "lost", "losing", "save", "saves", "saved", "saving"))
    by = by or (bool(it.unit) and before is not None and before.text.lower() in ("up", "down"))
    follows = after is not None and after.kind == "go" and after.value != "same" and after.text not in ("<", ">")
    number = it.number
    if is_a(before, "within") and before is not None and before.kind == "go":
        return replace(it, kind="change", runs=())
    if number.percent or number.points:
        of_run = is_a(after, "of") and any(
            token.kind in ("reference", "run", "metric") for token in found[it.index + 2 : it.index + 5]
        )
        if of_run and is_a(before, "below", "above", "behind", "reach", "than"):  # "below the 81.8% of Run 3"
            return replace(it, kind="old", olds=(Old(number, it.runs or _named_in(found, it)),), runs=())
        if of_run and is_a(before, "go"):  # "loses 5.6% of the baseline's speed"
            return replace(it, kind="change", runs=())
        if of_run and not by:
            return (
                replace(it, kind="ratio", number=number.scaled(0.01), runs=())
                if any(token.kind in ("reference", "run") for token in found[it.index + 2 : it.index + 9])
                else it
            )
        if by or follows or number.points or number.signed:
            return replace(
                it,
                kind="change",
                way=_own_way(found, it, after),
                runs=() if follows else it.runs,
                against=_against(found, it),
            )
        versus = is_a(after, "over", "than", "from") and not is_a(before, "to")  # not "to 41% compared to Run 2"
        against = _against(found, it) if versus else ()
        if against:  # "a 20% improvement over the baseline and 14% over Run 1"
            return replace(it, kind="change", runs=(), against=against)
        if before and before.kind == "go" and before.value != "same":
            return replace(it, kind="change", loose=True)
        return it
    bracketed = is_a(before, "open") and is_a(token_at(found, it.index - 2), "number", "unit", "percent")
    if (
        number.signed
        and number.value
        and (bracketed or (number.value > 0 and is_a(before, "open", "comma", "colon", "dataset")))
    ):
        return replace(it, kind="difference", way=_own_way(found, it, after))
    if by or (follows and after is not None and after.value in ("up", "down")):
        return replace(it, kind="difference", way=_own_way(found, it, after), against=_against(found, it))
    if follows and after is not None and after.value in ("better", "worse", "faster", "slower"):
        return replace(it, kind="difference", loose=True, way=_own_way(found, it, after))
    return it


def _is_end(found: Sequence[Token], index: int) -> bool:
    """ "rose by between 5.2 s on a and 6.2 s on b": either end of a range of changes."""
    near = found[max(0, index - 7) : index]
    at = next((place for place, token in enumerate(near) if token.text.lower() == "between"), 0)
    numbers = sum(token.kind == "number" for token in near[at:])
    return at > 0 and near[at - 1].text.lower() == "by" and (numbers == 0 or is_a(near[-1], "and"))


def _is_amount(found: Sequence[Token], index: int) -> bool:
    """ "loses 0.017 in validation loss and 40 s in training time": by how much, not to which value."""
    end = index + 1 + is_a(token_at(found, index + 1), "unit")
    measured = is_a(token_at(found, end), "in") and is_a(token_at(found, end + 1), "metric")
    before = token_at(found, index - 1)
    listed = is_a(before, "and") and is_a(token_at(found, index - 2), "metric") and is_a(found[index - 3], "in")
    changed = before is not None and before.kind == "go" and before.value in ("up", "down", "better", "worse")
    return measured and (changed or listed)


def _is_sized(found: Sequence[Token], of: int) -> bool:
    """ "reductions relative to Run 1 of 2.0%": the runs stand between a direction and its size."""
    at = of - 1
    while at >= 0 and found[at].kind in ("reference", "than", "over", "function", "split", "comma"):
        at -= 1
    return 0 <= at < of - 1 and found[at].kind == "go" and found[at].value != "same"


def _named_in(found: Sequence[Token], it: Given) -> tuple[int, ...] | str:
    """The run that is named right behind a number."""
    near = (token for token in found[it.index + 1 : it.index + 5] if token.kind in ("run", "reference"))
    return next((token.value for token in near), ())


def _following(found: Sequence[Token], index: int) -> Token | None:
    """What follows a number and its unit; in "0.502 (9.5%) higher" it is "higher" for both numbers."""
    at = index + 1
    if is_a(token_at(found, at), "unit"):
        at += 1
    rest = [token.kind for token in found[at : at + 4]]
    if rest == ["open", "number", "close", "go"] and found[at + 1].value.percent and found[at + 3].value != "same":
        return found[at + 3]
    bracketed = is_a(token_at(found, index - 1), "open") and is_a(token_at(found, index - 2), "number", "unit")
    if rest[:2] == ["close", "go"] and bracketed and found[index].value.percent:
        return found[at + 1]
    return token_at(found, at)


def _against(found: Sequence[Token], it: Given) -> tuple[int, ...] | str:
    """ "a 10% decrease from Run 2", "4% less than the baseline": the runs that stand right behind a change."""
    runs: list[int] = []
    compared = False
    for token in found[it.index + 1 : it.index + 10]:
        if token.kind in ("run", "reference") and compared:
            if not isinstance(token.value, tuple):
                return str(token.value)
            runs += token.value
        elif token.kind in ("than", "from", "over") or token.text.lower() in ("above", "below"):
            compared = True
        elif not (token.kind in ("go", "function", "prep") and not runs) and token.text.lower() not in ("and", "both"):
            break
    return tuple(runs)


def _own_way(found: Sequence[Token], it: Given, after: Token | None) -> str | None:
    if after is not None and after.kind == "go" and after.value != "same":
        return str(after.value)
    if it.number.signed and it.kind != "ratio":
        return "down" if it.number.value < 0 else "up"
    return None
