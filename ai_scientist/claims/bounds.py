"""Words beside numbers: "about 5", "more than 5", "within 3% of Run 1"."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.numbers import Number
from ai_scientist.claims.tokens import Token

_LIMITS = {"below": "most", "above": "least"}
_VERBS = ("is", "are", "stays", "stayed", "remains", "remained")


def alike_within(found: list[Token]) -> list[Token]:
    """ "is within 3% of Run 1", "is close to Run 1": about the same; "equals 0.4": nothing but a verb."""
    result: list[Token] = []
    skip = 0
    for index, token in enumerate(found):
        rest = [it.kind for it in found[index + 1 : index + 6] if it.text.lower() not in ("that", "those")]
        if index < skip:
            continue
        if token.text.lower() == "within" and rest[:3] == ["number", "prep", "run"]:
            skip = index + 3
            result.append(Token("than", token.start, found[skip - 1].end, token.text, "same"))
        elif token.text.lower() == "close to" and rest[:3] == ["number", "prep", "run"]:
            skip = index + 4  # "close to the 3.9% of the baseline": how close is not said
            result.append(replace(token, kind="function", value=None))
        elif token.text.lower() == "close to" and rest[:1] == ["run"]:
            result.append(replace(token, kind="than", value="same"))
        elif token.text.lower() in ("equals", "equal to") and rest[:1] == ["number"]:
            result.append(replace(token, kind="function", value=None))
        else:
            result.append(token)
    return result


def bounded(found: list[Token]) -> list[Token]:
    """Words like "about" become part of the number that follows; elsewhere they are nothing, or a direction."""
    result: list[Token] = []
    for index, token in enumerate(found):
        following = next((it for it in found[index + 1 :] if it.kind not in ("open",)), None)
        before = result[-1] if result else None
        is_bound = token.kind == "bound" and token.value
        if _limits(result, token) and following is not None and following is found[index + 1]:
            plain = following.kind == "number" and not following.value.percent and not _named_behind(found, index)
            if plain:  # "fell below 650 tokens per second"
                result.append(replace(token, kind="bound", value=_LIMITS[token.text.lower()]))
                continue
        if is_bound or (
            token.kind == "over" and following is not None and following.kind in ("number", "ratio", "percent")
        ):
            if following is None or following.kind not in ("number", "ratio", "percent") or _of_a_run(found, index):
                compared = following is not None and following.kind in ("run", "previous", "earlier")
                result += _compared(token) if compared and token.text in "<>" else _unbound(token)
                continue
            result.append(replace(token, kind="bound", value=token.value or "least"))
            continue
        if token.kind in ("ratio", "percent"):
            bound = before.value if before and before.kind == "bound" else "about"
            value = Number(
                float(str(token.value).replace("-", ".")), 0.0, percent=token.kind == "percent", bound=bound or "about"
            )
            token = replace(token, value=value)
        if token.kind == "number" and before and before.kind == "bound" and before.value:
            token = replace(token, value=replace(token.value, bound=before.value))
        if before and before.kind == "bound" and token.kind in ("number", "ratio", "percent"):
            result.pop()
            if (
                before.text.lower() == "within"
                and token.kind == "number"
                and (token.value.percent or token.value.points)
            ):
                result.append(replace(before, kind="go", value="same"))  # "within 2% of the baseline"
        result.append(token)
    return result


def _limits(before: Sequence[Token], token: Token) -> bool:
    """Whether "below" or "above" stands behind a verb."""
    verb = bool(before) and (before[-1].kind in ("go", "was") or before[-1].text.lower() in _VERBS)
    return token.text.lower() in _LIMITS and verb


def _named_behind(found: Sequence[Token], index: int) -> bool:
    """Whether a run or dataset that the number behind a place is of follows: "below the 0.41 of Run 2"."""
    return any(it.kind in ("run", "previous", "earlier") for it in found[index + 2 : index + 6])


def _compared(token: Token) -> list[Token]:
    """ "0.8 > Run 1": higher than that run."""
    way = "up" if token.text == ">" else "down"
    return [Token("go", token.start, token.end, token.text, way), Token("than", token.end, token.end, "", "-")]


def _of_a_run(found: Sequence[Token], index: int) -> bool:
    """ "lower than the 0.41 seen in Run 2": no bound of the number, but a comparison with that run."""
    split = found[index].text.lower().split()[1:] == ["than"]
    rest = [it.kind for it in found[index + 2 : index + 7] if it.kind not in ("unit", "function", "sofar")]
    return split and found[index + 1].kind == "number" and rest[:2] in (["prep", "run"], ["prep", "previous"])


def _unbound(token: Token) -> list[Token]:
    up, down = ("more", "greater", "larger", "higher"), ("less", "fewer", "smaller", "lower")
    first, *rest = token.text.lower().split()
    if first in (*up, *down) and rest:
        split = token.start + len(first)
        return [
            Token("go", token.start, split, first, "up" if first in up else "down"),
            Token("than", split + 1, token.end, rest[-1], "-"),
        ]
    if first.startswith("exceed"):
        return [replace(token, kind="go", value="up")]
    return [replace(token, kind="over" if first in ("over", "under") else "function")]
