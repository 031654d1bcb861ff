"""The ways in which people say the names of metrics: "NDCG@10", "mIoU", "steps to 99% validation accuracy"."""

import re
from collections.abc import Iterator

from ai_scientist.claims.lexicon import spoken, variants

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
    "at": ("at", ""),
    "score": ("score", "scores", ""),
    "coefficient": ("coefficient", "coefficients", "score", ""),
    "iou": ("iou", "intersection over union"),
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


def parts_of(name: str) -> list[str]:
    return [part for part in re.split(r"[^A-Za-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) if part]


def metric_phrases(name: str) -> list[tuple[str, ...]]:
    """The ways to say a metric: its name, and the end of its name where that says enough."""
    parts = [part.lower() for part in parts_of(name)]
    ways: list[tuple[str, ...]] = []
    for begin in range(len(parts)):
        rest = parts[begin:]
        if begin and (rest[0] in ("per", "at") or all(map(_is_general, rest))):
            continue
        ways += [way for way in variants(_ways(rest)) if not (len(way) == 1 and _is_general(way[0]))]
    return list(dict.fromkeys([*ways, *_brief(parts)]))


def _is_general(part: str) -> bool:
    """Whether a part of a name says nothing alone."""
    return part in _TOO_GENERAL or part.removesuffix("s") in _TOO_GENERAL or part.isdigit() or part == "at"


def _brief(parts: list[str]) -> Iterator[tuple[str, ...]]:
    """ "HR@10" of hit_rate_at_10, "mIoU" of mean_iou."""
    if "at" in parts[1:-1]:
        cutoff = parts.index("at")
        yield ("".join(part[0] for part in parts[:cutoff]), *parts[cutoff + 1 :])
    if len(parts) == 2 and parts[0] == "mean" and len(parts[1]) < 5:
        yield ("m" + parts[1],)


def initials(name: str) -> str:
    """ "ECE" of expected_calibration_error, "HR" of hit_rate_at_10; "" where a name has too few whole words."""
    words = [part for part in parts_of(name) if part.lower() not in _OPTIONAL | _UNITS and not part.isdigit()]
    least, words = (2, words[: words.index("at")]) if "at" in words else (3, words)
    whole = len(words) >= least and all(part.isalpha() and len(part) > 2 for part in words)
    return "".join(part[0].upper() for part in words) if whole else ""


def label_phrases(label: str) -> list[tuple[str, ...]]:
    """The ways to say a metric by its name in words: "held-out error of the predicted noise", "held-out error"."""
    plain = re.sub(r"\([^()]*\)", "", label).strip().lower()
    ways = [tuple(spoken(it)) for it in (plain, re.split(r" (?:of|from|to|in|on|for|by) ", plain)[0])]
    return [way for way in dict.fromkeys(ways) if len(way) > 1 and not any(word.isdigit() for word in way)]


def step_phrases(name: str) -> list[tuple[str, ...]]:
    """The ways to say a metric that counts steps until something is reached: its name, and what follows "steps"."""
    parts = [part.lower() for part in parts_of(name)]
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
    if re.fullmatch(r"[a-z]{2,}\d+", part):
        plural = (part, re.sub(r"(?<=[a-z])(?=\d)", " ", part))  # "top-1"
    said = _SAID.get(part, plural)
    return (*said, "") if first and part in _OPTIONAL and "" not in said else said
