"""A sentence as tokens: what it names, in which direction it says things went, and which numbers it gives."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ai_scientist.claims.lexicon import Atom, atoms, english
from ai_scientist.claims.numbers import Number, numbers
from ai_scientist.claims.vocabulary import Vocabulary

NAMES = ("metric", "dataset", "run", "measure", "unknown")
_SIGNS = {
    "(": "open", "[": "open", "{": "open", ")": "close", "]": "close", "}": "close", ",": "comma",
    ";": "semicolon", ":": "colon", "=": "equals", "-": "hyphen",
    "\u2192": "arrow", "\u00b1": "error", "\u2013": "dash", "\u2014": "dash",
    "<": "bound", ">": "bound", "\u2265": "bound", "\u2264": "bound", "~": "bound", "\u2248": "bound",
}  # fmt: skip
_BOUNDS = {">": "least", "<": "most", "\u2265": "least", "\u2264": "most", "~": "about", "\u2248": "about"}


@dataclass(frozen=True)
class Token:
    """A piece of a sentence.

    `kind` is that of words.toml, or "number", "unit", "word" (a word that is not known), "function" (one without a
    subject), or a sign. `value`: the metrics, datasets or runs that it means, a way ("up", "better", ...), a number.
    """

    kind: str
    start: int
    end: int
    text: str
    value: Any = None


def token_at(found: Sequence[Token], index: int) -> Token | None:
    """The token at a place, None outside."""
    return found[index] if 0 <= index < len(found) else None


def is_a(token: Token | None, *words: str) -> bool:
    """Whether a token is of one of these kinds, or one of these words."""
    return token is not None and (token.kind in words or token.text.lower() in words)


def outer(found: Sequence[Token]) -> list[bool]:
    """For every token whether it stands outside of brackets."""
    depth, result = 0, []
    for token in found:
        depth = max(0, depth + (token.kind == "open"))
        result.append(depth == 0)
        depth = max(0, depth - (token.kind == "close"))
    return result


def lexed(text: str, words: Vocabulary) -> list[Token]:
    """The tokens of a sentence in order as a dictionary knows them; words that say nothing are left out."""
    filler, function = english().filler, english().function
    given = {start: (end, number) for start, end, number in numbers(text)}
    found = atoms(text)
    result: list[Token] = []
    index = 0
    while index < len(found):
        atom = found[index]
        if _is_possessive(found, index):
            index += 1
            continue
        chain = _chain(found, index)
        step = _name(found, index, text, words, filler)
        if chain and (step is None or step[0] < chain):
            step = (chain, Token("word", atom.start, found[index + chain - 1].end, ""))
        step = step or _number(found, index, given) or _plain(found, index, filler, function)
        index, token = (index + step[0], step[1])
        if token is not None:
            result.append(replace(token, text=text[token.start : token.end]))
    return result


_Step = tuple[int, Token | None]


def _name(found: Sequence[Atom], index: int, text: str, words: Vocabulary, filler: frozenset[str]) -> _Step | None:
    """A phrase of the lexicon or a run by its number: (how many atoms it takes, token)."""
    numbered = _runs(found, index)
    if numbered:
        return numbered
    meant = words.lexicon.at(found, index, text, filler)
    if meant is None:
        return None
    end, meaning = meant
    kind, value = meaning.kind, meaning.value
    if kind == "remark":
        return end - index, None
    if kind == "ignored":
        kind = "word"
    if kind == "baseline":
        kind, value = "run", (0,)
    if kind == "measure":
        spelt = [text[atom.start : atom.end] for atom in found[index:end] if atom.kind != "sign"]
        value = _spelt(spelt[0]) if len(spelt) == 1 else "_".join(spelt).lower()
    token = Token(kind, found[index].start, found[end - 1].end, "", value)
    return end - index, token


def _spelt(word: str) -> str:
    """A word in lower case, unless it is an abbreviation."""
    return word if sum(letter.isupper() for letter in word) > 1 else word.lower()


def _chain(found: Sequence[Atom], index: int) -> int:
    """How many atoms a name with underscores takes that begins here; 0 where none does."""
    at = index
    while (
        at + 2 < len(found)
        and (found[at + 1].text == "_" or _is_version(found, at + 1))
        and found[at + 1].glued
        and found[at + 2].glued
    ):
        at += 2
    return at + 1 - index if at > index and found[index].kind == "word" else 0


def _is_version(found: Sequence[Atom], at: int) -> bool:
    """ "MountainCar-v0": a hyphen before a version."""
    return found[at].text == "-" and re.fullmatch(r"v\d+", found[at + 1].text) is not None


def _runs(found: Sequence[Atom], index: int) -> _Step | None:
    """ "Run 3", "run_3", "runs 1, 2 and 3", "runs 1-3"."""
    if found[index].text not in ("run", "runs", "experiment", "experiments"):
        return None
    at = index + 1
    while at < len(found) and found[at].text in ("_", "#", "no", "."):
        at += 1
    runs: list[int] = []
    last = None
    while at < len(found) and found[at].kind == "number" and re.fullmatch(r"\d{1,3}", found[at].text):
        number = int(found[at].text)
        runs += (
            range(runs[-1] + 1, min(number, runs[-1] + 50) + 1)
            if last in ("-", "\u2013", "to", "through")
            else [number]
        )
        end, at, last = at + 1, at + 1, None
        while (
            at < len(found)
            and at < end + 3
            and found[at].text in (",", "and", "&", "or", "-", "\u2013", "to", "through", "run", "_")
        ):
            last = found[at].text if found[at].text not in ("run", "_") else last
            at += 1
        single = found[index].text in ("run", "experiment")  # "from 0.5 in Run 2 to 4": no range of runs
        if last is None or (single and last in (",", "to", "through")) or _is_value(found, at):
            break
    if not runs:
        return None
    return end - index, Token("run", found[index].start, found[end - 1].end, "", tuple(runs))


def _is_value(found: Sequence[Atom], at: int) -> bool:
    """Whether the number at an index is one with a unit, so that it does not continue a list of runs."""
    after = found[at + 1].text if at + 1 < len(found) else ""
    return after in ("%", "percent", "steps", "seconds", "s", "epochs")


def _number(found: Sequence[Atom], index: int, given: dict[int, tuple[int, Number]]) -> _Step | None:
    atom = found[index]
    if atom.start not in given:
        return None
    end, number = given[atom.start]
    count = 1
    while index + count < len(found) and found[index + count].start < end:
        count += 1
    return count, Token("number", atom.start, end, "", number)


def _is_possessive(found: Sequence[Atom], index: int) -> bool:
    return found[index].text == "s" and index > 0 and found[index - 1].text in ("'", "\u2019") and found[index].glued


def _plain(found: Sequence[Atom], index: int, filler: frozenset[str], function: frozenset[str]) -> _Step:
    atom = found[index]
    if atom.text == "(" and atom.glued and found[index - 1].kind == "word":
        return 1, Token("open", atom.start, atom.end, "", "call")
    if atom.kind == "sign":
        kind = "comma" if atom.text == "/" and not atom.glued else _SIGNS.get(atom.text, "")
        return 1, Token(kind, atom.start, atom.end, "", _BOUNDS.get(atom.text)) if kind else None
    if atom.text in filler or (atom.text.endswith("ly") and len(atom.text) > 4):
        return 1, None
    kind = "function" if atom.text in function else "word"
    return 1, Token(kind, atom.start, atom.end, "")
