"""Which number of a clause belongs to which of the names in it."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ai_scientist.claims.clauses import Clause
from ai_scientist.claims.given import Given
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Meanings

Shares = dict[int, tuple[Any, ...]]
"""Place of a number -> the names that it is said of; a number that is said of all of them is not in it."""


def shares(found: Sequence[Token], given: Sequence[Given], named: Sequence[int], *, some: bool = False) -> Shares:
    """The names at the places `named` that each number is said of: beside it, before it, or in the same order.

    `some`: the clause speaks of more than those names, so that a single one has all the numbers.
    """
    values = dict.fromkeys(found[at].value for at in named)
    given = [it for it in given if found[it.index].kind != "ratio"]
    if len(values) == 1 and some:
        return {it.index: tuple(values) for it in given}
    if len(values) < 2 or not given:
        return {}
    events = sorted([*((at, None) for at in named), *((it.index, it) for it in given)], key=lambda event: event[0])
    groups = [list(group) for _, group in groupby(events, key=lambda event: event[1] is not None)]
    starts_with_number = groups[0][0][1] is not None
    result: Shares = {}
    for at, group in enumerate(groups):
        numbers = [it for _, it in group if it is not None]
        if not numbers:
            continue
        before = _names(found, groups[at - 1]) if at else ()
        after = _names(found, groups[at + 1]) if at + 1 < len(groups) else ()
        name = groups[at - 1][-1][0] if at else 0
        leads = bool(after) and _leads_to(found, numbers[-1].last, groups[at + 1][0][0])
        inside = [it for it in numbers if before and _opens(found[name : it.index])]
        if inside and (leads or not after):  # "0.4 on circle (5% less), 0.7 on dino"
            result |= _among(inside, before, len(groups))
            numbers = [it for it in numbers if it not in inside]
            if not numbers:
                continue
        follows = (after and not inside and (not before or starts_with_number or leads)) or (inside and leads)
        if follows and leads and before and starts_with_number:  # "0.20 on a, 17% more, and 0.19 on b"
            behind = [it for it in numbers if it.kind not in ("value", "range")]
            behind = behind if behind == numbers[: len(behind)] and len(behind) < len(numbers) else []
            result |= _among(behind, before, len(groups)) if behind else {}
            numbers = numbers[len(behind) :]
        chosen = after if follows else before
        if not after and len(groups) > 2 and len(numbers) == len(values) and starts_with_number:
            chosen = tuple(values)  # "0.4 on circle and 0.7 on dino, 5% and 7% lower"
        result |= _among(numbers, chosen, len(groups))
    return result


def _names(found: Sequence[Token], group: Sequence[tuple[int, Any]]) -> tuple[Any, ...]:
    """The names of a group; of several that no list joins, the one that is nearest to the numbers after it."""
    return tuple(dict.fromkeys(found[at].value for at, _ in group))


def _opens(between: Sequence[Token]) -> bool:
    """Whether a bracket that opens right after a name is still open."""
    kinds = [token.kind for token in between]
    return kinds.count("open") > kinds.count("close") and "open" in kinds[1:3]


def _among(numbers: Sequence[Given], chosen: tuple[Any, ...], groups: int) -> Shares:
    if len(chosen) < 2:
        return {it.index: chosen for it in numbers}
    values = [it for it in numbers if it.kind in ("value", "old")]
    for some in (numbers, values):
        if len(some) == len(chosen):
            return {it.index: (name,) for it, name in zip(some, chosen, strict=True)}
    if len(numbers) == 1:
        return {} if groups == 2 else {numbers[0].index: chosen}
    if len(numbers) % len(chosen) == 0:
        return {it.index: (chosen[place % len(chosen)],) for place, it in enumerate(numbers)}
    return {it.index: () for it in numbers}


def _leads_to(found: Sequence[Token], number: int, name: int) -> bool:
    """ "0.538 on circle": the name follows the number directly."""
    between = found[number + 1 : name]
    kinds = [token.kind for token in between]
    near = all(
        kind in ("unit", "prep", "function", "close", "metric", "go", "bound", "number", "percent") for kind in kinds
    )
    return (
        near
        and "prep" in kinds
        and len(kinds) < 7
        and not re.search(r"[,;(]", "".join(token.text for token in between))
    )


def metric_before(found: Sequence[Token], it: Given, begin: int) -> tuple[str, Token | None]:
    """What a value is said of: ("metric", its token), ("above", None) for what stands before, or ("none", None)."""
    after = found[it.index + 1 : it.index + 3]
    if after and after[0].kind == "unit" and len(after) > 1:
        after = after[1:]
    if after and after[0].kind in ("metric", "measure") and not _own_number(found, found.index(after[0])):
        return "metric", after[0]
    if [token.kind for token in found[max(0, it.index - 2) : it.index]] in (["run", "open"], ["dataset", "open"]):
        return "above", None  # "Run 5 (0.29), Run 2 (0.30)"
    content = False
    paired = _is_paired(found, it)
    depth = 0
    for at in range(it.index - 1, begin - 1, -1):
        token = found[at]
        depth += (token.kind == "close") - (token.kind == "open")
        if depth > 0:
            continue
        depth = max(depth, -9)
        if token.kind == "measure" and [it.kind for it in found[at + 1 : at + 4]] == ["open", "metric", "close"]:
            return "metric", found[at + 2]
        if token.kind in ("metric", "measure"):
            return "metric", token
        if token.kind == "weak" and it.unit:
            return "metric", token
        if token.kind in ("word", "setting") and not paired:
            content = True
        if token.kind in ("comma", "semicolon", "split", "dash", "colon") and content:
            return "none", None
    return ("none", None) if content else ("above", None)


def _is_paired(found: Sequence[Token], it: Given) -> bool:
    """ "(78.5 s for a, 840 s for b)": the dataset stands right behind the number."""
    rest = [token.kind for token in found[it.last + 1 : it.last + 4] if token.kind != "unit"]
    return rest[:2] == ["prep", "dataset"]


def _own_number(found: Sequence[Token], metric: int) -> bool:
    """ "train loss 0.06, val loss 0.03": the metric after a number has a number of its own."""
    following = [
        token.kind for token in found[metric + 1 : metric + 4] if token.kind not in ("function", "was", "prep")
    ]
    return (
        bool(following)
        and following[0] in ("number", "colon", "equals", "bound")
        and found[metric - 1].kind != "number"
    )


def in_order(given: Sequence[Given], datasets: Sequence[str]) -> Shares:
    """ "x, y and z: 0.1, 0.2 and 0.3": as many values as datasets that were named before."""
    for kinds in (("value",), ("change", "difference", "ratio")):
        some = [it for it in given if it.kind in kinds]
        if len(datasets) > 1 and len(some) == len(datasets):
            return {it.index: ((name,),) for it, name in zip(some, datasets, strict=True)}
    return {}


def separate(
    found: Sequence[Token], clause: Clause, metrics: tuple[Meanings, ...], given: Sequence[Given]
) -> tuple[Meanings, ...]:
    """The metrics that "losses" or "1.0 for training, 0.9 for validation" mean, each on its own."""
    plural = {token.value for token in clause.of(found) if token.kind == "metric" and _is_plural(token)}
    parts = any(it.part for it in given)
    numbered = any(it.kind == "value" for it in given)
    found_metrics: list[Meanings] = []
    for meanings in metrics:
        apart = parts or (meanings in plural and not numbered)
        found_metrics += [(name,) for name in meanings] if apart else [meanings]
    return tuple(dict.fromkeys(found_metrics))


def _is_plural(token: Token) -> bool:
    return token.text.lower().endswith("s") and not token.text.lower().endswith("ss")


def by_part(given: Sequence[Given], metrics: Sequence[Meanings]) -> Shares:
    """Place of a number -> the metrics of the part of the data that stands behind it."""
    return {
        it.index: tuple(one for one in metrics if any(f"{it.part}_" in f"{name}_" for name in one))
        for it in given
        if it.part
    }


def grouped(given: Sequence[Given], by_metric: Shares) -> list[list[Given]]:
    """The numbers of each metric."""
    metrics = dict.fromkeys(by_metric.get(it.index, ()) for it in given)
    return [[it for it in given if by_metric.get(it.index, ()) == one] for one in metrics]


def is_of(assigned: dict[int, tuple[object, ...]], it: Given, value: object, *, within: bool = False) -> bool:
    if it.index not in assigned:
        return True
    return any(
        value == name or (within and isinstance(name, tuple) and isinstance(value, tuple) and set(value) <= set(name))
        for name in assigned[it.index]
    )


def taken(assigned: dict[int, tuple[object, ...]], value: object) -> bool:
    """Whether numbers were shared out among names, so that a name without one is not spoken of."""
    return bool(assigned) and not any(value in names for names in assigned.values())


def are_listed(found: Sequence[Token], named: Sequence[int]) -> bool:
    """Whether names stand together in a list, apart from the numbers."""
    return not any(found[at].kind == "number" for at in range(named[0], named[-1]))
