"""How alike two ideas are, so that one that is already known is not added again: words, and nothing that is learned.

The similarity of two texts is the cosine of their TF-IDF vectors (Salton and Buckley, 1988) over single words, with
1 + ln(count) for a word's count and ln((1 + n) / (1 + ideas with the word)) + 1 for its rarity among the n at hand.
It finds ideas that are said again in much the same words. It does not understand: the same idea in other words passes.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai_scientist.idea import Idea

# Different ideas that ship are at most 0.31 alike, light rewordings of them at least 0.67 (docs/ideas.md).
THRESHOLD = 0.5
_WORD = re.compile(r"[^\W_]+")

Vector = Mapping[str, float]


@dataclass(frozen=True)
class Match:
    """A known idea that another one is too much like, and why."""

    idea: Idea
    why: str


def match(idea: Idea, known: Sequence[Idea]) -> Match | None:
    """The known idea that this one repeats, by its name or by its content; None where it is new among them."""
    for other in known:
        if _bare(other.name) == _bare(idea.name):
            return Match(other, f'has the name of "{other.name}"')
    ranked = sorted(zip(similarities(text(idea), [text(other) for other in known]), known, strict=True), key=_first)
    if ranked and ranked[-1][0] >= THRESHOLD:
        similarity, other = ranked[-1]
        return Match(other, f'is much like "{other.name}" (similarity {similarity:.2f}, from {THRESHOLD:g} on)')
    return None


def similarities(text: str, others: Sequence[str]) -> list[float]:
    """The similarity of a text to each of the others, 0 (no word in common) to 1; all of them weigh the words."""
    counts = [Counter(_WORD.findall(each.lower())) for each in (text, *others)]
    rarity = Counter(word for count in counts for word in count)
    weight = {word: math.log((1 + len(counts)) / (1 + seen)) + 1 for word, seen in rarity.items()}
    vectors = [_unit({word: (1 + math.log(n)) * weight[word] for word, n in count.items()}) for count in counts]
    return [sum(value * other.get(word, 0.0) for word, value in vectors[0].items()) for other in vectors[1:]]


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(value * value for value in vector.values()))
    return {word: value / length for word, value in vector.items()} if length else {}


def text(idea: Idea) -> str:
    return f"{idea.name} {idea.title} {idea.experiment}".replace("_", " ")


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _first(pair: tuple[float, Idea]) -> float:
    return pair[0]
