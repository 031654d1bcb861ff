"""Turns of phrase: titles before a colon, what is not reached, a perfect accuracy."""

from dataclasses import replace

from ai_scientist.claims.lexicon import english
from ai_scientist.claims.numbers import Number
from ai_scientist.claims.tokens import Token

_PRICES = ("cost", "price", "expense")
_ONE = Number(1.0, 0.01)


def idioms(found: list[Token]) -> list[Token]:
    """The tokens with these turns of phrase in plain words."""
    found = _unreached(_untitled(_perfect(_exemplified(_beside(_ranged(found))))))
    return _lost(_left_out(_at_a_price(_as_long(found))))


def _beside(found: list[Token]) -> list[Token]:
    """ "On a it drops by 20%, against 13% for b": the number of another dataset in passing."""
    result = list(found)
    for at, token in enumerate(found):
        rest = [it for it in found[at + 1 : at + 5] if it.kind != "unit"][:3]
        before = [it for it in found[:at] if it.kind not in ("comma", "unit", "close", "open")]
        named = next((it for it in reversed(before) if it.kind == "dataset"), None)
        aside = [it.kind for it in rest] == ["number", "prep", "dataset"] and before[-1:] != [named]
        if token.kind != "than" or not aside or named is None or before[-1].kind != "number":
            continue
        place = found.index(named)
        trails = found[max(0, place - 1)].kind == "prep" and "number" in [
            it.kind for it in found[max(0, place - 4) : place]
        ]
        if named.value != rest[-1].value and not trails:
            result[at : at + 5] = [replace(it, kind="function", value=None) for it in found[at : at + 5]]
    return result


def _exemplified(found: list[Token]) -> list[Token]:
    """ "for some datasets (e.g. circle)": those in brackets are meant."""
    result = []
    for at, token in enumerate(found):
        rest = [it.kind for it in found[at + 1 : at + 6] if it.kind not in ("function", "comma")]
        told = token.kind == "some" and rest[:2] == ["open", "dataset"]
        result.append(replace(token, kind="prep") if told else token)
    return result


def _untitled(found: list[Token]) -> list[Token]:
    """ "Best loss: Run 1 has the lowest validation loss": a title, which the sentence says again with a metric."""
    colon = next((at for at, token in enumerate(found[:8]) if token.kind == "colon"), 0)
    begins = bool(found) and found[0].kind in ("most", "go")
    after = {token.kind for token in found[colon:]}
    compares = any(it.kind in ("run", "previous", "earlier") for it in found[:colon])  # "Beats Run 1: the loss by 4%"
    if not colon or not begins or compares or "metric" not in after or not after & {"most", "go", "number"}:
        return found
    said = ("most", "go", "metric", "weak", "measure")
    return [replace(it, kind="function") if it.kind in said else it for it in found[:colon]] + found[colon:]


def _perfect(found: list[Token]) -> list[Token]:
    """ "perfect accuracy": one of 1, unless a number follows; "near-perfect" and "not reach perfect" are none."""
    result = []
    for at, token in enumerate(found):
        named = (
            at + 1 < len(found) and found[at + 1].kind in ("metric", "measure") and "acc" in found[at + 1].text.lower()
        )
        numbered = any(it.kind == "number" for it in found[at + 2 : at + 5])
        before = found[max(0, at - 3) : at]
        other = any(it.kind in ("not", "run", "hyphen") or it.text.lower() in ("near", "non") for it in before)
        if token.text.lower() == "perfect" and named:
            plain = numbered or other
            token = replace(token, kind="function") if plain else replace(token, kind="number", value=_ONE)
        result.append(token)
    return result


def _unreached(found: list[Token]) -> list[Token]:
    """ "does not reach the 0.292 of Run 2", "far behind Run 2": it is worse than Run 2."""
    result = list(found)
    for at, token in enumerate(found):
        behind = [it.kind for it in found[at + 1 : at + 4]]
        if token.text.lower() == "behind" and (behind[:1] == ["run"] or behind[:1] + behind[2:] == ["number", "run"]):
            result[at] = replace(token, kind="go", value="worse")
        rest = [it.kind for it in found[at + 2 : at + 5]]
        of_run = rest[:1] == ["run"] or (rest[:1] + rest[2:] == ["number", "run"] and found[at + 3].text == "of")
        if token.kind == "not" and of_run and found[at + 1].text.lower() in english().reached:
            result[at] = replace(token, kind="function", value=None)
            result[at + 1] = replace(found[at + 1], kind="go", value="worse")
    return result


def _as_long(found: list[Token]) -> list[Token]:
    """ "took about as long as Run 2": the same time; "twice as long as", "not as fast as": another."""
    result = []
    for at, token in enumerate(found):
        alike = token.kind == "go" and token.text.lower().split()[:1] == ["as"]
        before = found[max(0, at - 2) : at]
        other = any(it.kind in ("ratio", "number", "percent", "not") or it.text.lower() == "half" for it in before)
        as_much = at + 1 < len(found) and found[at + 1].kind == "as"
        result.append(replace(token, value="same") if alike and as_much and not other else token)
    return result


def _at_a_price(found: list[Token]) -> list[Token]:
    """ "improved a at a cost of 5% in b": b is worse by that, in a part of the sentence of its own."""
    result: list[Token] = []
    for at, token in enumerate(found):
        of_number = [it.kind for it in found[at + 1 : at + 4] if it.kind != "bound"][:2] == ["prep", "number"]
        if of_number and token.text.lower() in _PRICES and result and result[-1].text.lower() == "at":
            result[-1] = replace(result[-1], kind="split", value="strong")
            token = replace(token, kind="go", value="worse")
        following = [it.kind for it in found[at + 1 : at + 4]]
        if token.text.lower() in ("cost", "costs") and following == ["number", "prep", "metric"]:
            token = replace(token, kind="go", value="worse")  # "costs 0.3 points of accuracy"
        bare = token.text.lower() in (*_PRICES, "time", "compute") and len(result) > 1 and result[-1].kind == "ratio"
        if bare and result[-2].text.lower() in ("at", "for"):  # "a lower loss for twice the time"
            result[-1] = replace(result[-1], kind="word", value=None)
        result.append(token)
    return result


def _ranged(found: list[Token]) -> list[Token]:
    """ "12-17% slower depending on the dataset": on every dataset within that range."""
    result = []
    for at, token in enumerate(found):
        before = [it.kind for it in found[max(0, at - 6) : at]]
        whole = token.text.lower() == "depending" and before.count("number") > 1
        result.append(replace(token, kind="all") if whole else token)
    return result


def _left_out(found: list[Token]) -> list[Token]:
    """ "beats the baseline on a and b, not on c", "on every task but c": c is left out."""
    result = []
    for at, token in enumerate(found):
        rest = [it.kind for it in found[at + 1 : at + 3]]
        before = next((it.kind for it in reversed(found[:at]) if it.kind != "function"), "")
        apart = token.kind == "not" and before == "comma" and rest == ["prep", "dataset"]
        apart = apart or (token.text.lower() == "but" and before == "all" and rest[:1] == ["dataset"])
        result.append(replace(token, kind="except") if apart else token)
    return result


def _lost(found: list[Token]) -> list[Token]:
    """ "loses 0.017 in validation loss": it is lower, which way is better or not."""
    result = []
    for at, token in enumerate(found):
        rest = [it.kind for it in found[at + 1 : at + 4]]
        lost = token.kind == "go" and token.text.lower() in ("lose", "loses", "lost", "losing")
        result.append(replace(token, value="down") if lost and rest == ["number", "prep", "metric"] else token)
    return result
