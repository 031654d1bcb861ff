"""Results as Python prints them: dicts."""

import re

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.given import Given
from ai_scientist.claims.numbers import numbers
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.vocabulary import Vocabulary

_DATASET = re.compile(r"['\"]([\w\- ]{1,80})['\"]\s{0,9}:\s{0,9}\{([^{}]*)")
_ENTRY = re.compile(r"['\"]([\w\- ]{1,80})['\"]\s{0,9}:\s{0,9}([+-]?\d[\w.+-]{0,40})")


def from_dict(sentence: Sentence, words: Vocabulary) -> tuple[list[Assertion], str]:
    """(what a dict form claims, the sentence without it)."""
    if sentence.run is None or "{" not in sentence.text:
        return [], sentence.text
    claims = []
    for match in _DATASET.finditer(sentence.text):
        for entry in _ENTRY.finditer(match[2]):
            metric = entry[1].removesuffix("_mean")
            found = numbers(entry[2])
            if found and match[1] in words.datasets and metric in words.metrics:
                claims.append(
                    Assertion(
                        sentence,
                        sentence.run,
                        match[1],
                        (metric,),
                        given=(Given(match.start(2) + entry.start(), found[0][2]),),
                    )
                )
    return claims, re.sub(r"\{.*\}?", " ", sentence.text, flags=re.DOTALL) if claims else sentence.text
