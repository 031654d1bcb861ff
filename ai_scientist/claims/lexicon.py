"""Phrases and what they mean, found in a text word by word, the longest first: linear in the length of the text."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

# Words of letters with trailing digits ("cifar10"), short forms ("n't"), numbers, and single signs. No repetition nests
# in another, so that no text can make it backtrack for long.
_ATOM = re.compile(
    r"(?P<word>n't\b|[^\W\d_]+(?:n't\b)?\d*)|(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)|(?P<sign>[^\w\s]|_)"
)


@dataclass(frozen=True)
class Atom:
    """A word, number or sign of a text; `text` in lower case. `glued`: no space before it."""

    kind: str
    start: int
    end: int
    text: str
    glued: bool


def atoms(text: str) -> list[Atom]:
    """The words, numbers and signs of a text in order."""
    found, end = [], 0
    for match in _ATOM.finditer(text):
        kind = str(match.lastgroup)
        begin, last = match.span()
        found.append(Atom(kind, begin, last, match[0].lower(), begin == end and begin > 0))
        end = last
    return found


@dataclass(frozen=True)
class Meaning:
    """What a phrase stands for: a kind of token and its value. `exact`: only in just this spelling and case."""

    kind: str
    value: Any
    exact: str = ""
    rank: int = 0


@dataclass
class Lexicon:
    """Phrase -> meaning, by its first word. Later additions win over earlier ones of the same length and rank."""

    by_first: dict[str, dict[tuple[str, ...], Meaning]] = field(default_factory=dict)

    def add(self, phrase: str | Sequence[str], kind: str, value: Any, *, exact: str = "", rank: int = 0) -> None:
        """Let a phrase mean something; one that is known with a higher rank stays."""
        words = tuple(spoken(phrase)) if isinstance(phrase, str) else tuple(phrase)
        if not words:
            return
        known = self.by_first.setdefault(words[0], {})
        if words not in known or known[words].rank <= rank:
            known[words] = Meaning(kind, value, exact, rank)

    def at(self, found: Sequence[Atom], index: int, text: str, skipped: frozenset[str]) -> tuple[int, Meaning] | None:
        """(index after it, meaning) of the longest phrase that begins at an atom; fillers within it are skipped."""
        best: tuple[int, int, int, Meaning] | None = None
        for words, meaning in self.by_first.get(found[index].text, {}).items():
            fillers = frozenset() if meaning.kind == "dataset" else skipped
            end = _match(found, index, words, fillers, "+&(" if meaning.kind == "run" else "+&")
            if end is None or (meaning.exact and text[found[index].start : found[end - 1].end] != meaning.exact):
                continue
            key = (len(words), meaning.rank)
            if best is None or key > best[:2]:
                best = (*key, end, meaning)
        return (best[2], best[3]) if best else None


def spoken(phrase: str) -> Iterator[str]:
    """The words of a phrase as `atoms` gives them, without signs."""
    return (atom.text for atom in atoms(phrase) if atom.kind != "sign" or atom.text in "~≈")


def variants(parts: Iterable[Sequence[str]], most: int = 400) -> list[tuple[str, ...]]:
    """Every way to say a name whose parts can each be said in several ways; "" leaves a part out."""
    ways = []
    for combination in product(*parts):
        ways.append(tuple(word for part in combination for word in part.split()))
        if len(ways) >= most:
            break
    return [way for way in dict.fromkeys(ways) if way]


def _match(found: Sequence[Atom], index: int, words: Sequence[str], skipped: frozenset[str], signs: str) -> int | None:
    """The index behind a phrase; between its words may stand some skipped ones, and these signs."""
    at, gap, opened = index, 0, False
    for word in words:
        while at < len(found) and at > index and found[at].text != word:
            opened = opened or found[at].text == "("
            joins = found[at].text in signs or (found[at].text in "_-'`/@" and found[at].glued)
            if not joins and (found[at].text not in skipped or gap >= 3):
                return None
            gap += not joins
            at += 1
        if at >= len(found) or found[at].text != word:
            return None
        at += 1
    while opened and at < len(found) and found[at].text in ("%", ")"):
        opened, at = found[at].text != ")", at + 1  # the end of a name like "Combined (15%)"
    return at


@dataclass(frozen=True)
class English:
    """The content of words.toml.

    `filler`: words that may stand between those of a phrase; `function`: words that carry no subject; `reached`: those
    before a threshold; `passed`: headings of what is no result; `grouped`: words for datasets in the plural; `common`:
    words that a run is called by with a capital letter alone; `aspect`:
    what a metric has that is not its value; `counts`: word -> number; `names`, `weak`: what the metrics of a kind are
    called.
    """

    lexicon: Lexicon
    filler: frozenset[str]
    function: frozenset[str]
    reached: frozenset[str]
    passed: frozenset[str]
    grouped: frozenset[str]
    common: frozenset[str]
    aspect: frozenset[str]
    counts: dict[str, int]
    names: dict[str, list[str]]
    weak: dict[str, list[str]]


@cache
def english() -> English:
    """The words of words.toml."""
    content = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    filler, function, reached, passed, grouped, common, aspect = (
        frozenset(_listed(content.pop(name)))
        for name in ("filler", "function", "reached", "passed", "grouped", "common", "aspect")
    )
    counts = content.pop("counts")
    names, weak = ({kind: _listed(it) for kind, it in content.pop(name).items()} for name in ("names", "weak"))
    lexicon = Lexicon()
    for kind, table in content.items():
        groups = {"": table} if {"words", "phrases"} & set(table) else table
        for value, group in groups.items():
            for phrase in _listed(group):
                lexicon.add(phrase, kind, value)
    return English(lexicon, filler, function | filler, reached, passed, grouped, common, aspect, counts, names, weak)


def _listed(table: Mapping[str, Any]) -> list[str]:
    return [*table.get("words", "").split(), *table.get("phrases", ())]
