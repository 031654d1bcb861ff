"""Which words of direction are said of a measurement, and which of something else: "a lower learning rate"."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from ai_scientist.claims.lexicon import english
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.wording import CHANGES

_MEASURED = ("metric", "measure", "weak")
_SIZES = ("smaller", "larger", "bigger", "greater", "lower", "higher", "smallest", "largest", "biggest", "more", "less")
_REASONS = ("because", "since", "due")
_PASSED = ("function", "was", "unit", "hyphen")


def directed(found: Sequence[Token]) -> list[Token]:
    """The tokens, with every direction that is said of a setting or of something unknown turned into a "word"."""
    return [replace(token, kind="word") if _is_idle(found, index) else token for index, token in enumerate(found)]


def _is_idle(found: Sequence[Token], index: int) -> bool:
    token = found[index]
    if token.kind not in ("go", "most"):
        return False
    if _is_of_a_change(found, index) or _is_a_change_compared(found, index) or _is_a_topic(found, index):
        return True
    said = takewhile(lambda it: it.text.lower() not in _REASONS, found[index + 1 : index + 6])
    after = [it for it in said if it.kind not in _PASSED]
    before = [it for it in found[max(0, index - 5) : index] if it.kind not in _PASSED]
    following = after[0] if after else None
    if following is not None and following.kind in _MEASURED:
        return False
    if token.kind == "most":
        if len(after) > 1 and after[0].kind == "dataset" and after[1].kind in _MEASURED:
            return False  # "the lowest dino loss"
        if following is not None and following.kind == "run":
            return False  # "the lowest bar is Run 3"
        timed = token.value in ("faster", "slower") and any(it.kind in _MEASURED for it in found[index + 1 : index + 4])
        return not (timed or _is_said_of_a_dataset(after) or _is_of_all_runs(found, index))
    if following is not None and following.kind in ("setting", "word", "equals"):
        return not (len(after) > 1 and after[1].kind in _MEASURED and following.kind == "word")
    if (
        following is not None
        and following.text.lower() in ("in", "of")
        and len(after) > 1
        and after[1].kind in ("setting", "word")
    ):
        return not (len(after) > 2 and after[2].kind in _MEASURED)
    if token.text.lower() in ("more", "less") and not (index and found[index - 1].kind in ("number", "unit")):
        return following is None or following.kind in ("function", "split", "comma", "close")
    if not before:
        return False
    subject = before[-1]
    opens = found[0].text.lower() in english().reached
    is_object = (len(before) > 1 or opens) and any(
        it.text.lower() in english().reached for it in found[max(0, index - 3) : index]
    )
    if subject.kind == "setting" and (is_object or _is_part(found[:index])):
        return False  # "reaches the threshold earlier"
    compound = any(
        one.kind in _MEASURED and other is subject and subject.kind == "word" for one, other in pairwise(found[:index])
    )
    return subject.kind == "setting" or compound


def _is_of_a_change(found: Sequence[Token], index: int) -> bool:
    """ "the increase is largest on a and smaller on b": how large a change is."""
    if found[index].text.lower() not in _SIZES:
        return False
    for token in reversed(found[:index]):
        if token.kind in ("metric", "measure", "semicolon", "than"):
            return False
        if token.kind == "go" and token.text.lower() in CHANGES:
            return True
    return False


def _is_a_change_compared(found: Sequence[Token], index: int) -> bool:
    """ "The decrease was smaller than in Run 1", "a slower decrease": one change beside another."""
    token = found[index]
    following = found[index + 1] if index + 1 < len(found) else None
    if token.value in ("faster", "slower") and following is not None and following.text.lower() in CHANGES:
        return True
    if index and found[index - 1].kind == "go" and found[index - 1].value in ("faster", "slower"):
        return token.text.lower() in CHANGES
    rest = list(takewhile(lambda it: it.kind not in ("comma", "semicolon", "number", "split"), found[index + 1 :]))
    sized = any(it.text.lower() in _SIZES or it.text.lower().split()[:1] in (["more"], ["less"]) for it in rest)
    return token.text.lower() in CHANGES and sized and any(it.kind == "than" for it in rest)


def _is_a_topic(found: Sequence[Token], index: int) -> bool:
    """ "Reducing the loss remains hard": what a sentence is about."""
    opens = index == 0 and found[index].text.lower().endswith("ing")
    return opens and any(it.kind in _MEASURED for it in found[1:3])


def _is_said_of_a_dataset(after: Sequence[Token]) -> bool:
    """ "the best on circle", "the best run on all datasets"."""
    said = after[1:] if after and after[0].kind == "prep" else after
    return bool(said) and (said[0].kind in ("all", "both") or (said is not after and said[0].kind == "dataset"))


def _is_of_all_runs(found: Sequence[Token], index: int) -> bool:
    """ "on dino Run 4 is the best (0.3)", "was the lowest of all runs": of a run or a metric, which a verb joins."""
    before = found[index - 1] if index else None
    verb = before is not None and (before.text.lower() in ("is", "was", "are", "were", ",") or before.kind == "run")
    subject = any(it.kind in ("metric", "run", "dataset", "weak") for it in found[max(0, index - 12) : index])
    following = found[index + 1] if index + 1 < len(found) else None
    ends = following is None or following.kind in ("open", "comma", "semicolon", "colon", "dash", "split", "number")
    of_all = any(it.kind in ("otherruns", "earlier", "reference", "run") for it in found[index + 1 : index + 4])
    return verb and subject and (ends or of_all)


def _is_part(before: Sequence[Token]) -> bool:
    """ "coverage of the 90% interval is": a setting that only says more of a measurement."""
    for at in range(len(before) - 1, 0, -1):
        if before[at].kind in ("comma", "split", "semicolon", "go"):
            return False
        if before[at].text.lower() == "of" and before[at - 1].kind in _MEASURED:
            return True
    return False
