"""Which of the runs in a sentence are spoken of, and which are only compared with."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from ai_scientist.claims.called_runs import called, spanned
from ai_scientist.claims.tokens import Token

_RUNS = ("run", "previous", "earlier", "otherruns")
_PASSED = ("function", "prep", "unit", "open", "bound", "as", "was", "all", "both", "to", "with")


def referring(found: Sequence[Token], section: int | None) -> list[Token]:
    """The tokens with every run that is compared with turned into kind "reference".

    Its value then: the runs, or "previous", "earlier", "some" (of them), "others" where the text says so.
    """
    own = () if section is None else (section,)
    found = called(found)
    found = [replace(it, kind="run" if own else "function", value=own) if it.kind == "thisrun" else it for it in found]
    found = spanned(found)
    result = list(found)
    for index, token in enumerate(found):
        if token.kind in _RUNS and _is_reference(result, index, section):
            said = token.value if token.kind == "run" else {"otherruns": "others"}.get(token.kind, token.kind)
            if index and found[index - 1].text.lower() in ("some", "most", "several", "many"):
                said = "some"
            result[index] = replace(token, kind="reference", value=said)
    again = [index for index in range(len(result)) if _repeats(result, index)]
    left_out = {place for index in again for place in (index - 1, index, index + 1)}  # with its brackets
    return [it for index, it in enumerate(result) if index not in left_out]


def _is_reference(found: Sequence[Token], index: int, section: int | None) -> bool:
    if section and found[index].value == (0,) and _is_beside_a_number(found, index):
        return True
    if section and found[index].value != (section,) and _had(found, index):
        return True
    before = index - 1
    listed = False
    while before >= 0 and index - before < 9:
        token = found[before]
        if token.kind == "close":  # "over Run 2 (87.1%) and the baseline"
            while before > 0 and found[before].kind != "open":
                before -= 1
            before -= 1
            continue
        if token.kind in ("than", "over", "as", "from"):
            if token.kind == "from" and _ends_a_change(found, before):
                return True
            same = before > 0 and found[before - 1].kind == "go" and found[before - 1].value == "same"
            sized = before > 0 and found[before - 1].kind in ("number", "percent") and found[before - 1].value.percent
            return token.kind != "from" or same or sized or not _numbered(found, index)
        if token.kind == "number" and (_is_of_a_run(found, before, index) or _is_down_on(found, before, index)):
            return True
        if token.kind == "reference":
            if listed and _acts(found, index) and any(it.kind == "comma" for it in found[before:index]):
                return False
            return _joined(found, before, index) > 0
        if (token.kind == "ratio" or (token.kind == "number" and token.value.times)) and before == index - 1:
            return True  # "twice the baseline's", "1.6x the baseline"
        if token.kind == "go":
            return _beaten(found, before, index) or _after_head(found, index, section)
        if token.text.lower() in (",", "and", "or", "both"):
            listed = True
        elif before == index - 1 and token.kind == "open" and _is_apposition(found, index):
            before = _named_before(found, before)
            if before < 0 or found[before].kind not in ("than", "over", "as", "from", "go"):
                return _after_head(found, index, section)
            continue
        elif (
            (token.kind in ("word", "prep") and _is_behind_that(found, before))
            or token.kind in ("hyphen", "setting")
            or (token.kind == "number" and found[before + 1].kind == "hyphen")
        ):
            pass  # "the 6-layer baseline"
        elif (
            token.kind not in _PASSED
            and token.text.lower() != "with"
            and not (token.kind in ("metric", "weak") and not listed)
        ):
            return _after_head(found, index, section)
        before -= 1
    return found[index].kind in ("earlier", "otherruns") or _after_head(found, index, section)


def _is_of_a_run(found: Sequence[Token], number: int, index: int) -> bool:
    """ "better than the 0.41 of Run 1", "lower than the 12 s we saw in Run 2", "improves on the 0.41 of Run 1"."""
    at = number - 1 - (number > 1 and found[number - 1].text.lower() in ("on", "upon"))
    before = found[max(0, at)]
    changed = before.kind == "from" and (_ends_a_change(found, number - 1) or _is_another_old(found, number - 1))
    beaten = before.kind == "go" and (before.value in ("better", "worse") or before.text.lower() in ("below", "above"))
    compared = changed or beaten or before.kind == "than"
    between = [it.kind for it in found[number + 1 : index]]
    return compared and "prep" in between and all(kind in ("unit", "function", "prep") for kind in between)


def _is_another_old(found: Sequence[Token], at: int) -> bool:
    """ "down from 0.45 in the baseline and from 0.42 in Run 2": a second "from" that shares the first direction."""
    joined = at > 0 and found[at - 1].text.lower() == "and"
    return joined and any(it.kind == "than" and it.value in ("up", "down") for it in found[:at])


def _is_down_on(found: Sequence[Token], number: int, index: int) -> bool:
    """ "down 11% on Run 1"."""
    joint = [it.text.lower() for it in found[number + 1 : index]]
    return joint == ["on"] and number > 0 and found[number - 1].kind == "go" and found[number].value.percent


def _is_beside_a_number(found: Sequence[Token], index: int) -> bool:
    """ "0.170 s, baseline 0.182 s": the value of the baseline behind another."""
    before = [it.kind for it in found[max(0, index - 3) : index] if it.kind != "unit"]
    after = [it.kind for it in found[index + 1 : index + 3] if it.kind != "colon"]
    return before[-2:] == ["number", "comma"] and after[:1] == ["number"]


def _had(found: Sequence[Token], index: int) -> bool:
    """ "0.327 on circle where the baseline had 0.339": the old value in a clause of its own."""
    before = found[index - 1].text.lower() if index else ""
    after = [it.kind for it in found[index + 1 : index + 3]]
    goes = any(it.kind == "go" for it in found[index + 3 : index + 5])  # "where Run 3 is 87 steps faster"
    return before == "where" and not goes and after in (["function", "number"], ["was", "number"])


def _is_apposition(found: Sequence[Token], index: int) -> bool:
    """ "than Xavier (Run 1)": a run alone in brackets, behind a name that no run has."""
    closed = index + 1 < len(found) and found[index + 1].kind == "close"
    return closed and index > 1 and found[index - 2].kind in ("word", "setting")


def _is_behind_that(found: Sequence[Token], at: int) -> bool:
    """ "than that of the wide model in Run 4": words that only say what the run is."""
    for place in range(at - 1, max(0, at - 6), -1):
        if found[place].text.lower() in ("that", "those", "with") and found[place - 1].kind == "than":
            return True
        if found[place].kind not in ("word", "prep", "function", "setting"):
            return False
    return False


def _named_before(found: Sequence[Token], at: int) -> int:
    """The place before the words of the name that a bracket at a place follows."""
    begin = at - 1
    while begin >= 0 and at - begin < 6 and found[begin].kind in ("word", "setting", "function", "hyphen"):
        begin -= 1
    return begin


def _acts(found: Sequence[Token], index: int) -> bool:
    """ "..., and Run 5 lowered": a run that something new is said of."""
    at = index + 1
    if at < len(found) and found[at].kind == "open":
        at = next((it for it in range(at, min(at + 6, len(found))) if found[it].kind == "close"), at) + 1
    following = found[at] if at < len(found) else None
    return following is not None and following.kind in ("go", "function", "was", "metric", "most", "top", "unit")


def _joined(found: Sequence[Token], begin: int, end: int) -> int:
    """How many words of a list stand between two places, without brackets; 0 where others do."""
    depth, between = 0, []
    for token in found[begin + 1 : end]:
        depth += token.kind == "open"
        if not depth:
            between.append(token)
        depth -= token.kind == "close"
    kinds = ("comma", "split", "prep", "function", "than", "as", "both", "number", "unit")
    strong = any(it.kind == "split" and it.value == "strong" for it in between)
    return len(between) if all(it.kind in kinds for it in between) and not strong else 0


def _numbered(found: Sequence[Token], index: int) -> bool:
    """ "from the baseline's 0.45 to 0.41": the run of a number."""
    near = takewhile(lambda it: it.kind not in ("split", "comma", "semicolon"), found[index + 1 : index + 4])
    return any(it.kind == "number" for it in near)


def _ends_a_change(found: Sequence[Token], at: int) -> bool:
    """ "dropped to 0.63 from the baseline's 0.67": a "from" behind the new value."""
    kinds = [it.kind for it in found[max(0, at - 4) : at]]
    return "to" in kinds and "number" in kinds[kinds.index("to") :]


def _beaten(found: Sequence[Token], go: int, index: int) -> bool:
    """ "above the baseline", "outperforms Run 2"."""
    between = found[go + 1 : index]
    if found[go].value == "better" and [it.text.lower() for it in between] == ["on"]:
        return True
    bare = all(it.text.lower() in ("both", "that", "those", "upon", "of", "all") for it in between)
    return bare and not (between and between[0].text.lower() == "of" and found[index].value != (0,))


def _after_head(found: Sequence[Token], index: int, section: int | None) -> bool:
    """Whether the baseline stands behind what is said of another run: "half of the baseline's throughput"."""
    token = found[index]
    if token.kind == "earlier" or token.kind == "otherruns":
        return True
    if token.kind not in ("run", "previous") or section == 0:
        return False
    before = found[:index]
    other = section is not None or any(it.kind == "run" for it in before)
    heads = [at for at, it in enumerate(before) if it.kind in ("go", "ratio") or _is_share(found, at)]
    if not other or not heads or (token.value != (0,) and before[heads[-1]].kind == "go"):
        return False
    between = before[heads[-1] + 1 :]
    return any(it.text.lower() in ("of", "to", "for", "in", "from") for it in between[-2:]) and not any(
        it.kind in ("split", "comma", "semicolon") for it in between
    )


def _is_share(found: Sequence[Token], at: int) -> bool:
    """ "50% of", "3.7 times that"."""
    if found[at].kind != "number" or not (found[at].value.percent or found[at].value.times):
        return False
    return at + 1 < len(found) and found[at + 1].text.lower() in ("of", "that", "those")


def _repeats(found: Sequence[Token], index: int) -> bool:
    """ "Strong weight decay (Run 3)": the same run twice, or a name of it in brackets."""
    token = found[index]
    if token.kind != "run" or index < 2 or found[index - 1].kind != "open":
        return False
    named = next(
        (it for it in reversed(found[max(0, index - 3) : index - 1]) if it.kind != "function"), found[index - 2]
    )
    closed = index + 1 >= len(found) or found[index + 1].kind == "close"
    return closed and named.kind in ("run", "reference") and (named.value == token.value or named.kind == "reference")
