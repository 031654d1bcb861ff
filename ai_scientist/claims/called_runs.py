"""Runs by other words than their numbers and names: "the latter", "the previous schedule", "from Run 1 to Run 3"."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.tokens import Token


def called(found: Sequence[Token]) -> list[Token]:
    """The tokens, with every run that is called by such a word as what it is."""
    result = _of_two([_explained(found, at) for at in range(len(found))])
    return [_generic(result, at) for at in range(len(result))]


def spanned(found: list[Token]) -> list[Token]:
    """ "From Run 1 to Run 3 the loss fell", "between Run 1 and Run 3": the second run against the first."""
    result = list(found)
    for at, token in enumerate(found[:-2]):
        between = token.text.lower() == "between"
        if token.kind != "from" or found[at + 1].kind != "run" or (between and at):
            continue
        first = found[at + 1]
        if between and len(first.value) == 2:
            result[at : at + 2] = [
                replace(first, kind="reference", value=first.value[:1]),
                replace(first, kind="span", value=None),
                replace(first, value=first.value[1:]),
            ]
            return result
        joint = next((it for it in range(at + 2, len(found) - 1) if found[it].text.lower() in ("to", "and")), 0)
        tagged = all(it.kind in ("open", "close", "number", "unit") for it in found[at + 2 : joint])
        if joint and tagged and found[joint + 1].kind == "run" and len(found[joint + 1].value) == 1:
            result[at] = replace(token, kind="function" if joint == at + 2 else "from")
            result[at + 1] = replace(first, kind="reference")
            result[joint] = replace(found[joint], kind="span", value=None)
    return result


def _of_two(found: list[Token]) -> list[Token]:
    """The tokens, with "the former" and "the latter" as what they mean; "Of A and B" has none."""
    result = [_one_of_two(found, at) for at in range(len(found))]
    if result == found or found[0].text.lower() != "of":
        return result
    end = next((at for at, it in enumerate(found) if it.kind == "comma"), 0)
    return [replace(it, kind="some") if at < end and it.kind == "run" else it for at, it in enumerate(result)]


def _one_of_two(found: Sequence[Token], at: int) -> Token:
    """ "the former", "the latter": of the last two runs or datasets; "some" where none were named."""
    token = found[at]
    aside = at > 0 and found[at - 1].kind == "open"  # "5% and 9% higher (the latter with evidence)"
    if token.text.lower() not in ("former", "latter") or token.kind != "word" or aside:
        return token
    before = {kind: [one for it in found[:at] if it.kind == kind for one in it.value] for kind in ("run", "dataset")}
    kind = "run" if len(before["run"]) > 1 else "dataset"
    if len(before[kind]) < 2:
        return replace(token, kind="some")
    return replace(token, kind=kind, value=(before[kind][-1 if token.text.lower() == "latter" else -2],))


def _explained(found: Sequence[Token], at: int) -> Token:
    """ "Strong decay with warm-up (Run 4)": the number says of which run the whole name is, not its beginning."""
    token = found[at]
    if token.kind != "run" or token.text.lower().startswith("run"):
        return token
    rest = found[at + 1 : at + 8]
    passed = ("word", "setting", "hyphen", "prep")
    end = next((place for place, it in enumerate(rest) if it.kind not in passed and it.text.lower() != "with"), 0)
    bracket = [it.kind for it in rest[end : end + 3]]
    other = end > 0 and bracket == ["open", "run", "close"] and rest[end + 1].value != token.value
    return replace(token, kind="word", value=None) if other else token


def _generic(found: Sequence[Token], at: int) -> Token:
    """ "compared to previous initializations": earlier runs by what they are; "the previous schedule": the last one."""
    token = found[at]
    compared = any(it.kind in ("than", "over", "as") for it in found[max(0, at - 2) : at])
    named = found[at + 1] if at + 1 < len(found) else None
    if token.text.lower() not in ("previous", "prior", "preceding") or not compared or named is None:
        return token
    if named.kind not in ("word", "setting", "function") or not named.text.isalpha():
        return token
    return replace(token, kind="earlier" if named.text.endswith("s") else "previous")
