"""The ways in which people say the names of metrics, datasets and runs."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ai_scientist.claims.lexicon import atoms, spoken, variants

_SAID: dict[str, tuple[str, ...]] = {
    "val": ("val", "validation"),
    "validation": ("val", "validation"),
    "train": ("train", "training"),
    "training": ("train", "training"),
    "eval": ("eval", "evaluation"),
    "test": ("test", "testing"),
    "acc": ("acc", "accuracy", "accuracies"),
    "accuracy": ("acc", "accuracy", "accuracies"),
    "loss": ("loss", "losses"),
    "kl": ("kl", "kullback leibler"),
    "divergence": ("divergence", "divergences", "div", ""),
    "avg": ("avg", "average", "mean", ""),
    "mean": ("mean", "average", "avg", ""),
    "average": ("average", "avg", "mean", ""),
    "inference": ("inference", "sampling"),
    "seconds": ("seconds", "time", "secs", "s"),
    "sec": ("seconds", "time", "secs", "s", "sec"),
    "second": ("second", "sec", "s"),
    "per": ("per", ""),
    "clock": ("clock", "clock time"),
    "norm": ("norm", "normalized", "normalised"),
    "num": ("num", "number of"),
    "env": ("env", "environment", ""),
    "to": ("to", "to reach", "to the", "to reach the"),
    "steps": ("steps", "step"),
    "cer": ("cer", "character error rate"),
    "wer": ("wer", "word error rate"),
}
_OPTIONAL = {"final", "best", "total", "mean", "avg", "average", "overall", "max", "min", "last"}
_UNITS = {"sec", "secs", "s", "seconds", "ms", "pct", "percent", "min", "minutes", "m", "gb", "mb", "hours"}
_TOO_GENERAL = frozenset(
    [
        "rate",
        "time",
        "seconds",
        "second",
        "value",
        "count",
        "number",
        "mean",
        "step",
        "steps",
        "size",
        "score",
        "s",
        "speed",
        "length",
        "norm",
        "average",
        "ratio",
    ]
)
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


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[^A-Za-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) if part]


def metric_phrases(name: str) -> list[tuple[str, ...]]:
    """The ways to say a metric: its name, and the end of its name where that says enough."""
    parts = [part.lower() for part in _parts(name)]
    ways: list[tuple[str, ...]] = []
    for begin in range(len(parts)):
        rest = parts[begin:]
        if begin and (rest[0] == "per" or all(part in _TOO_GENERAL or part.isdigit() for part in rest)):
            continue
        ways += [way for way in variants(_ways(rest)) if not (len(way) == 1 and way[0] in _TOO_GENERAL)]
    return list(dict.fromkeys(ways))


def label_phrases(label: str) -> list[tuple[str, ...]]:
    """The ways to say a metric by its name in words: "held-out error of the predicted noise", "held-out error"."""
    plain = re.sub(r"\([^()]*\)", "", label).strip().lower()
    ways = [tuple(spoken(it)) for it in (plain, re.split(r" (?:of|from|to|in|on|for|by) ", plain)[0])]
    return [way for way in dict.fromkeys(ways) if len(way) > 1 and not any(word.isdigit() for word in way)]


def step_phrases(name: str) -> list[tuple[str, ...]]:
    """The ways to say a metric that counts steps until something is reached: its name, and what follows "steps"."""
    parts = [part.lower() for part in _parts(name)]
    begins = [0, *(at for at, part in enumerate(parts) if at and part in ("steps", "step", "epochs", "iters"))]
    ways = [way for begin in begins for way in variants(_ways(parts[begin:])) if len(way) > 1]
    ways += [("number", "of", *way) for way in ways if way[0].startswith("step")]
    return list(dict.fromkeys([tuple(spoken(name)), *ways]))


def _ways(parts: list[str]) -> list[tuple[str, ...]]:
    """How each part of a name may be said; units and numbers at its end may be left out."""
    said = [_said(part, first=index == 0 and len(parts) > 1) for index, part in enumerate(parts)]
    last = len(parts) - 1
    if last and (parts[last] in _UNITS or (parts[last].isdigit() and "step" not in parts)):
        said[last] = (*said[last], "")
    return said


def _said(part: str, *, first: bool) -> tuple[str, ...]:
    plural = (part, part + "s") if part.isalpha() and not part.endswith("s") and len(part) > 2 else (part,)
    said = _SAID.get(part, plural)
    return (*said, "") if first and part in _OPTIONAL and "" not in said else said


def dataset_phrases(name: str) -> Iterator[tuple[str, ...]]:
    """The ways to say a dataset: its name in words, operations spelt out, digits with and without a space."""
    parts = [part.lower() for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    if not parts:
        return
    yield tuple(atom.text for atom in atoms(" ".join(parts)))
    yield tuple(atom.text for part in _parts(name) for atom in atoms(part.lower()))
    loose = re.sub(r"(?<=[a-z])(?=\d)", " ", " ".join(parts))
    yield tuple(loose.split())
    yield ("".join(parts),)
    if len(parts) == 1 and parts[0].isalpha():
        yield (parts[0] + "s",)
    if len(parts) == 1 and parts[0].isalpha() and len(parts[0]) > 9:
        yield (parts[0][:4],)  # "perm" for permutation
    if len(parts) > 1 and len(parts[0]) > 4 and parts[0].isalpha():
        yield (parts[0],)
        yield tuple(part.lower() for part in _parts(re.split(r"[^A-Za-z0-9]+", name)[0]))
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
        if len(words) == 2 and words[0].isalpha() and ends[words[1]] > 1 and words[0] not in elsewhere:
            yield run, labels[run].split()[0]


def abbreviations(label: str) -> Iterator[str]:
    """Words of a label with two capitals: "FiLM" of "FiLM conditioning"."""
    yield from (word for word in re.findall(r"[\w-]+", label) if sum(letter.isupper() for letter in word) > 1)
