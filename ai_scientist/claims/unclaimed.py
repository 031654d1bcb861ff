"""What is said of the results without being claimed: guesses, curves and spreads, what another run did in passing."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.lexicon import english
from ai_scientist.claims.tokens import Token

_NOUNS = ("increase", "decrease", "reduction", "drop", "improvement", "gain", "rise", "decline", "slowdown", "speedup")
_AWAITED = frozenset(
    ["expected", "hoped", "hoped-for", "anticipated", "predicted", "hypothesized", "hypothesised", "desired"]
)
_COUNTS = ("two", "three", "four", "five", "both")
_REACH = 10
"""How many tokens may stand between a superlative and what it is among."""
_ENDS = ("colon", "comma", "semicolon", "dash", "split")

_OPENING = 3
"""A condition that begins within so many words is one of the whole sentence."""


def unguessed(found: list[Token]) -> list[Token]:
    """From a word like "may" to the end of that part of the sentence nothing is claimed: plain words."""
    result: list[Token] = []
    guessing = conditional = _is_general(found)
    opened = False
    for index, token in enumerate(found):
        ends = token.kind in ("semicolon", "colon", "dash") or (token.value == "strong" and not conditional)
        ends = (ends or (opened and token.kind == "comma")) and any(
            it.kind in ("metric", "dataset", "run") for it in found[index + 1 : index + 6]
        )
        opened = (opened or (index < 2 and token.kind == "maybe")) and not ends
        conditional = (conditional and not ends) or (
            index < _OPENING and token.text.lower() in ("if", "whether", "when", "unless", "how")
        )
        guessing = token.kind == "maybe" or (guessing and not ends)
        result.append(replace(token, kind="word", value=None) if guessing and token.kind != "maybe" else token)
    return result


def _is_general(found: Sequence[Token]) -> bool:
    """ "Lower losses are better", "As the rate increases, the loss falls": said of no run."""
    kinds = [it.kind for it in found if it.kind != "function"]
    names = {"dataset", "run", "number", "previous", "earlier", "all"} & set(kinds)
    better = kinds[:2] == ["go", "metric"] and not names and kinds[2:3] in (["maybe"], ["go"])
    rest = [it.kind for it in found]
    law = rest[:1] == ["as"] and "go" in rest[1:7] and "comma" in rest[3:9] and rest.index("go") < rest.index("comma")
    return better or law


def presupposed(found: Sequence[Token]) -> list[Token]:
    """ "The reductions in KL on circle suggest that": nothing that is claimed here, but said before."""
    result = list(found)
    guess = next((at for at, token in enumerate(found) if token.kind == "maybe"), 0)
    passed = ("metric", "weak", "dataset", "all", "prep", "split", "comma", "function", "go", "both")
    if found[:guess] and all(it.kind in passed and it.value != "strong" for it in found[:guess]):
        ended = found[guess].text.lower() in ("suggest", "suggests", "indicate", "indicates", "imply", "implies")
        nouns = all(it.text.lower().rstrip("s") in _NOUNS for it in found[:guess] if it.kind == "go")
        if ended and nouns:
            result[:guess] = [replace(it, kind="word", value=None) if it.kind == "go" else it for it in found[:guess]]
    return result


def awaited(found: Sequence[Token]) -> list[Token]:
    """ "the expected gain did not appear", "the gain that we hoped for": what was waited for is not what happened."""
    result = list(found)
    for at, token in enumerate(found):
        if token.kind != "go" or token.text.lower().rstrip("s") not in _NOUNS:
            continue
        before = {it.text.lower() for it in found[max(0, at - 2) : at]}
        after = [it.text.lower() for it in found[at + 1 : at + 6]]
        relative = after[:1] in (["that"], ["which"], ["we"]) or after[:2] in (["we", "had"], ["i", "had"])
        if before & _AWAITED or (relative and _AWAITED & set(after)):
            end = next((it for it in range(at, len(found)) if found[it].kind in _ENDS), len(found))
            plain = [replace(it, kind="word", value=None) if it.kind in ("go", "not") else it for it in found[at:end]]
            result[at:end] = plain
    return result


def selected(found: Sequence[Token]) -> list[Token]:
    """ "the lowest loss of the two new activations", "among the three schedules": among which runs is not known."""
    result = list(found)
    for at, token in enumerate(found[:-2]):
        among = token.text.lower() in ("of", "among") and found[at + 1].text.lower() in _COUNTS
        if among and any(it.kind in ("word", "setting") for it in found[at + 2 : at + 4]):
            for place in range(max(0, at - _REACH), at):
                if found[place].kind == "most":
                    result[place] = replace(found[place], kind="word", value=None)
    return result


def aspects(found: list[Token]) -> list[Token]:
    """ "the variance of the loss", "the loss curve": nothing that was measured."""
    aspect = english().aspect
    result = []
    for index, token in enumerate(found):
        after = found[index + 1].text.lower() if index + 1 < len(found) else ""
        before = [it.text.lower() for it in found[max(0, index - 2) : index]]
        other = after in aspect or (len(before) == 2 and before[0] in aspect and before[1] in ("of", "in", "for"))
        other = (other and token.kind == "metric") or (
            token.kind == "weak" and after != "" and not token.text.lower().endswith("ing") and _is_set(found[:index])
        )
        result.append(replace(token, kind="word") if other else token)
    return result


def _is_set(before: Sequence[Token]) -> bool:
    """ "the weights for x converge": what converges is a setting."""
    named = next((it for it in reversed(before) if it.kind not in ("dataset", "prep", "function")), None)
    return named is not None and named.kind == "setting"


def unrelated(found: list[Token]) -> list[Token]:
    """ "Run 2, which raised the loss, ...": what is said of another run in passing is plain words."""
    result: list[Token] = []
    passing = False
    for index, token in enumerate(found):
        near = [it.kind for it in found[max(0, index - 3) : index] if it.kind != "comma"]
        if token.kind == "which" and near[-1:] in (["run"], ["previous"]):
            passing = True
        elif token.kind in ("comma", "semicolon", "close"):
            passing = False
        plain = passing or token.kind == "which"
        result.append(replace(token, kind="word" if passing else "function", value=None) if plain else token)
    return result
