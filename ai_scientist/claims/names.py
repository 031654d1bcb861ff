"""The ways in which people say the names of datasets and runs."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ai_scientist.claims.lexicon import atoms
from ai_scientist.claims.metric_names import parts_of

_OPERATIONS = {
    "div": "division",
    "minus": "subtraction",
    "plus": "addition",
    "times": "multiplication",
    "mul": "multiplication",
}
_SUFFIXES = frozenset(
    [
        "initialization",
        "initialisation",
        "init",
        "schedule",
        "scheduler",
        "implementation",
        "approach",
        "method",
        "strategy",
        "model",
        "run",
        "results",
        "result",
        "only",
        "training",
        "network",
        "variant",
        "rate",
        "rates",
        "optimizer",
        "regularization",
        "weights",
        "denoiser",
        "weighting",
        "conditioning",
        "features",
        "block",
        "encoding",
    ]
)


def by_phrase(pairs: Iterable[tuple[tuple[str, ...], str]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Words -> every name that they are a way to say."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for words, name in pairs:
        found.setdefault(words, {})[name] = None
    return {words: tuple(names) for words, names in found.items()}


def dataset_phrases(name: str) -> Iterator[tuple[str, ...]]:
    """The ways to say a dataset: its name in words, operations spelt out, digits with and without a space."""
    parts = [part.lower() for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    if not parts:
        return
    yield tuple(atom.text for atom in atoms(" ".join(parts)))
    yield tuple(atom.text for part in parts_of(name) for atom in atoms(part.lower()))
    loose = re.sub(r"(?<=[a-z])(?=\d)", " ", " ".join(parts))
    yield tuple(loose.split())
    yield ("".join(parts),)
    if len(parts) == 1 and parts[0].isalpha():
        yield (parts[0] + "s",)
    if len(parts) == 1 and parts[0].isalpha() and len(parts[0]) > 9:
        yield (parts[0][:4],)  # "perm" for permutation
    if len(parts) > 1 and len(parts[0]) > 4 and parts[0].isalpha():
        yield (parts[0],)
        yield tuple(part.lower() for part in parts_of(re.split(r"[^A-Za-z0-9]+", name)[0]))
    for part in parts:
        if part in _OPERATIONS and len(parts) > 1:
            yield ("modular", _OPERATIONS[part])
            yield (_OPERATIONS[part],)


def run_phrases(label: str) -> Iterator[str]:
    """The names that a label gives a run: all of it, without brackets, what stands in them, without a general end."""
    plain = re.sub(r"[`*\"']", "", label).strip()
    plain = re.sub(r"^\s*run[\s_]*\d+\s*[:.\-\u2013(]*\s*", "", plain, flags=re.IGNORECASE).strip()
    if plain.count(")") > plain.count("("):
        plain = plain.rstrip(" )")  # of "run 3 (name)"
    yield plain
    bare = re.sub(r"\([^()]*\)", "", plain).strip()
    yield bare
    yield from (it.strip() for it in re.findall(r"\(([^()]*)\)", plain) if not re.search(r"\d", it))
    if re.fullmatch(r"\d+ \w+s", bare):
        yield bare[:-1]  # "8 layers": "the 8-layer model"
    words = bare.split()
    while len(words) > 1 and words[-1].lower() in _SUFFIXES:
        words = words[:-1]
        yield " ".join(words)
    if len(bare.split()) > 2:
        yield f"{bare.split()[0]} {bare.split()[-1]}"


def cores(labels: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """(run, word of its own) where names end alike: "tanh" and "sine" of "Tanh activation" and "Sine activation".

    Of names of two words; a word that another run's name has, too, is not a run's own.
    """
    plain = {run: label.lower().split() for run, label in labels.items()}
    ends = Counter(words[1] for words in plain.values() if len(words) == 2)
    for run, words in plain.items():
        elsewhere = {word for other, it in plain.items() if other != run for word in it}
        if len(words) == 2 and words[0].replace("-", "").isalpha() and ends[words[1]] > 1 and words[0] not in elsewhere:
            yield run, labels[run].split()[0]


def abbreviations(label: str) -> Iterator[str]:
    """Words of a label with two capitals: "FiLM" of "FiLM conditioning"."""
    yield from (word for word in re.findall(r"[\w-]+", label) if sum(letter.isupper() for letter in word) > 1)
