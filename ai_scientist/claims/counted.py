"""Which datasets are meant where none is named: "all three tasks", "the modular tasks", "for all comparisons"."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from ai_scientist.claims.lexicon import english
from ai_scientist.claims.names import dataset_phrases
from ai_scientist.claims.tokens import Token

_ALL = ("all", "both")
_BARE = tuple(f"{prep} {word}" for prep in ("on", "for", "in", "across") for word in ("all", "every", "each"))


def _averaged(found: Sequence[Token]) -> list[Token]:
    """ "averaged over runs 1 to 4", "the mean over all tasks": no run or dataset was measured so."""
    kinds = ("run", "reference", "earlier", "otherruns", "all", "both", "subset", "dataset", "others")

    def grouped(at: int) -> bool:
        rest = list(takewhile(lambda it: it.kind not in ("comma", "setting", "metric"), found[at + 1 : at + 4]))
        return any(it.kind in kinds or _noun(it) or it.text.lower() == "runs" for it in rest)

    return [
        replace(it, kind="some" if grouped(at) else "function") if it.kind == "average" else it
        for at, it in enumerate(found)
    ]


def counted(found: Sequence[Token], known: Sequence[str]) -> list[Token]:
    """The tokens, with every group of datasets turned into "all", the "dataset"s that it is, or "subset" if unknown."""
    found = _averaged(found)
    result: list[Token] = []
    skip = 0
    for index, token in enumerate(found):
        if index < skip:
            continue
        if _is_some_of(found, index):
            result.append(replace(token, kind="subset", value=_count(token)))
            skip = next(at for at in range(index + 1, index + 5) if _noun(found[at])) + 1
            continue
        group = _group(found, index)
        if group is None:
            result.append(_unquantified(found, index) if token.kind in _ALL else token)
            continue
        skip = group
        result.append(_meant(found[index:group], known))
    return result


def _is_some_of(found: Sequence[Token], index: int) -> bool:
    """ "on three of the four datasets"."""
    rest = found[index + 1 : index + 4]
    grouped = any(_noun(it) for it in rest)
    return _count(found[index]) is not None and bool(rest) and rest[0].text.lower() == "of" and grouped


def _group(found: Sequence[Token], index: int) -> int | None:
    """Where a group ends that begins with "all", "both", a count or an adjective, and ends with a word for datasets."""
    token = found[index]
    begins = token.kind in _ALL or _count(token) or _is_adjective(token)
    if not begins or (token.kind in _ALL and _noun(token)):
        return index + 1 if token.kind in _ALL and _noun(token) else None
    for at in range(index + 1, min(index + 5, len(found))):
        if _noun(found[at]) and found[at].kind not in _ALL:
            return at + 1
        if not (_count(found[at]) or _is_adjective(found[at])):
            break
    return index + 1 if token.kind in _ALL and _count(token) and not _goes_on(found, index) else None


def _meant(group: Sequence[Token], known: Sequence[str]) -> Token:
    """A group of datasets as one token."""
    whole = replace(group[0], kind="all", end=group[-1].end, text=" ".join(it.text for it in group), value=None)
    count = next((number for it in group if (number := _count(it))), 2 if group[0].kind == "both" else None)
    adjectives = [it.text.lower() for it in group if _is_adjective(it)]
    if adjectives:
        fitting = tuple(name for name in known if any(_is_called(name, word) for word in adjectives))
        if fitting and count in (None, len(fitting)):
            return replace(whole, kind="dataset", value=fitting)
        return replace(whole, kind="subset", value=count)
    if group[0].kind == "both":
        return replace(whole, kind="both")
    if group[0].kind not in _ALL and count != len(known):
        return replace(whole, kind="some")
    return replace(whole, kind="subset", value=count) if count not in (None, len(known)) else whole


def _unquantified(found: Sequence[Token], index: int) -> Token:
    """ "for all comparisons", "on all metrics": nothing that is said of datasets."""
    token = found[index]
    bare = " ".join(token.text.lower().split()) in _BARE
    return replace(token, kind="prep") if bare and _goes_on(found, index) else token


def _goes_on(found: Sequence[Token], index: int) -> bool:
    """Whether what follows says of what all are, and it is no name."""
    following = found[index + 1] if index + 1 < len(found) else None
    return following is not None and following.kind in ("word", "setting", "metric", "measure")


def _count(token: Token) -> int | None:
    words = [*token.text.lower().split()] if token.kind in ("function", *_ALL) else []
    return next((english().counts[word] for word in words if word in english().counts), None)


def _noun(token: Token) -> bool:
    return token.text.lower().split()[-1:] != [] and token.text.lower().split()[-1] in english().grouped


def _is_adjective(token: Token) -> bool:
    return token.kind == "word" and token.text.isalpha() and token.value is None


def _is_called(name: str, word: str) -> bool:
    return any(word in phrase for phrase in dataset_phrases(name))
