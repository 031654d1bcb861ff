"""The words for what a study measured: datasets, metrics and runs, as people write them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ai_scientist.claims.model import Results

_LOWER = re.compile(
    r"loss|error|time|second|duration|latency|kl|diverg|perplex|step|bits|bpb|bpc|nll|mse|rmse|mae|fid|regret|memory|ece|calib"
)
_HIGHER = re.compile(
    r"acc|f1|auc|score|per_sec|per_second|throughput|reward|return|r2|bleu|rouge|precision|recall|speed|fps"
)
_SPOKEN = {
    "val": r"val(?:idation|\.)?",
    "train": r"train(?:ing)?",
    "eval": r"eval(?:uation)?",
    "acc": r"acc(?:urac(?:y|ies)|\.)?",
    "accuracy": r"acc(?:urac(?:y|ies)|\.)?",
    "test": r"test(?:ing)?",
    "loss": r"loss(?:es)?",
    "time": r"times?",
    "kl": r"(?:kl|kullback[-\s]leibler)",
    "divergence": r"(?:divergences?|div\.?)",
    "avg": r"(?:average|avg\.?|mean)",
    "inference": r"(?:inference|sampling)",
    "seconds": r"(?:seconds|secs?|time)",
    "error": r"errors?(?:\srates?)?",
    "score": r"scores?",
    "tokens": r"tokens?",
}
_OPTIONAL = {"final", "best", "total", "mean", "avg", "average", "overall", "max", "min"}
_DATASET_WORDS = {
    "div": "division",
    "minus": "subtraction",
    "plus": "addition",
    "times": "multiplication",
    "mul": "multiplication",
}
_GENERIC = re.compile(
    r"\s+(?:initiali[sz]ation|schedule|scheduler|implementation|approach|method|strategy|model|run|results?|only|training)$",
    re.IGNORECASE,
)
Kind = Literal["step", "time", "speed", "other"]


@dataclass(frozen=True)
class Vocabulary:
    """Finds the names of datasets, metrics and runs in a text."""

    results: Results

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Every dataset that any run measured."""
        return tuple(dict.fromkeys(name for metrics in self.results.metrics.values() for name in metrics))

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric of any run and dataset."""
        found = (
            name for metrics in self.results.metrics.values() for measured in metrics.values() for name in measured
        )
        return tuple(dict.fromkeys(found))

    def better(self, metric: str) -> Literal["lower", "higher"] | None:
        """Which way a metric is better: as the template says, else as its name does."""
        said = self.results.better.get(metric)
        if said or metric in self.results.better:
            return said
        name = metric.lower()
        if _HIGHER.search(name) and not re.search(r"loss|error|step|time(?!s)", name):
            return "higher"
        return "lower" if _LOWER.search(name) else None

    def kind(self, metric: str) -> Kind:
        """What "faster" means for it: fewer steps, less time, or a higher rate."""
        name = metric.lower()
        if re.search(r"per_sec|throughput|speed|fps", name):
            return "speed"
        if "step" in name or "epoch" in name or "iter" in name:
            return "step"
        return "time" if re.search(r"time|second|duration|latency|wall", name) else "other"

    def is_fraction(self, metric: str) -> bool:
        """Whether all its values lie between 0 and 1, so that it may be said in percent."""
        values = [
            measured[metric].mean
            for metrics in self.results.metrics.values()
            for measured in metrics.values()
            if metric in measured
        ]
        return bool(values) and all(0 <= value <= 1 for value in values)

    @cached_property
    def dataset_patterns(self) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
        """(pattern, the dataset) for every way to say one."""
        return tuple((re.compile(_dataset(name), re.IGNORECASE), (name,)) for name in self.datasets)

    @cached_property
    def metric_patterns(self) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
        """(pattern, the metrics that it may mean), the more exact ones first."""
        exact = [(_metric(name), (name,)) for name in self.metrics]
        kinds: dict[str, list[str]] = {}
        for name in self.metrics:
            kinds.setdefault(self.kind(name), []).append(name)
        steps, rates = tuple(kinds.get("step", ())), tuple(kinds.get("speed", ()))
        times = tuple(kinds.get("time", ()))
        spoken: list[tuple[str, tuple[str, ...]]] = []
        if steps:
            to = r"(?:needed |required |taken )?(?:to (?:reach |attain |achieve |get to |hit )?|until |for |till )(?:the )?9\d(?:\.\d)?\s?%(?: of)?(?: (?:val(?:idation)?|test))?(?: acc(?:uracy|\.)?)?(?: threshold)?"
            spoken += [
                (rf"(?:number of |update |training |optimi[sz](?:er|ation) |mean |average )*steps? {to}", steps),
                (
                    r"(?:reach(?:ed|es|ing)?|attain(?:ed|s)?|hit(?:s)?|achiev(?:ed|es|ing)) (?:the )?9\d\s?%(?: (?:val(?:idation)?|test))?(?: acc(?:uracy|\.)?)?(?: threshold)?",
                    steps,
                ),
                (
                    r"(?:number of |update |training |optimi[sz](?:er|ation) |mean |average )*steps?(?= (?:than|fell|rose|dropped|increased|decreased|went|were))",
                    steps,
                ),
                (r"(?:fewer|more|less) (?:update |training |optimi[sz](?:er|ation) )?steps", steps),
                (
                    r"(?:convergence|grokking|generali[sz]ation)(?: speed| times?| points?| delay| steps?)?|grok(?:s|ked|king)?\b|generali[sz](?:es|ed|ing)\b|converg(?:es|ed|ing)\b|steps(?=\s*[|:])",
                    steps,
                ),
            ]
        if rates:
            infer = tuple(it for it in rates if "infer" in it or "token" in it) or rates
            spoken += [
                (
                    r"(?:(?:average |mean )?inference |generation |sampling )(?:speeds?|throughput|rates?)|tokens(?: per |/)s(?:ec(?:ond)?)?|throughput|tok/s",
                    infer,
                )
            ]
        if times:
            training = tuple(it for it in times if "train" in it) or times
            inference = tuple(it for it in times if re.search("infer|sampl|gener|latency", it))
            spoken += [
                (
                    r"(?:total |wall[-\s]?clock )?(?:training|train)[-\s](?:times?|duration|cost)|wall[-\s]?(?:clock)?(?:[-\s]?time)?|computational (?:cost|overhead)|time to train|(?:longer|shorter|less time|more time|as long) to train|train(?:ed|s|ing)? (?=(?:\w+ )?(?:faster|slower|quicker|longer))",
                    training,
                ),
            ]
            if inference:
                spoken += [
                    (
                        r"(?:inference|sampling|generation)(?: times?| latency)?|sampl(?:es|ed)(?= (?:faster|slower))",
                        inference,
                    )
                ]
        kinds_of = {"loss": r"losses|loss(?:\svalues?)?", "acc": r"accurac(?:y|ies)|acc\b", "error": r"errors?\b"}
        for word, pattern in kinds_of.items():
            if meant := tuple(name for name in self.metrics if word in name.lower()):
                spoken.append((pattern, meant))
                for part, said in (
                    ("train", r"train(?:ing)?"),
                    ("val", r"val(?:idation)?"),
                    ("test", r"test"),
                    ("eval", r"eval(?:uation)?"),
                ):
                    if some := tuple(name for name in meant if re.search(rf"(?:^|_){part}(?:_|$)", name)):
                        spoken.append((rf"(?:final |best )?{said}(?:\sset)?[-\s](?:{pattern})", some))
        if kl := tuple(name for name in self.metrics if re.search(r"(?:^|_)kl(?:_|$)", name)):
            spoken.append((r"kl(?:[-\s]divergences?|[-\s]div\.?|s)?\b", kl))
        return tuple(
            (re.compile(rf"(?<![\w]){pattern}(?!\w)", re.IGNORECASE), meant) for pattern, meant in [*exact, *spoken]
        )

    def run_patterns(self) -> tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]:
        """(pattern, the run) for the names that headings and plot.py give to the runs, where they are distinctive."""
        phrases: dict[str, set[int]] = {}
        for run, label in self.results.labels.items():
            for phrase in _phrases(label):
                phrases.setdefault(phrase, set()).add(run)
        found = []
        for phrase, runs in phrases.items():
            if len(runs) == 1 and not self._is_ordinary(phrase):
                flags = 0 if len(phrase) < 4 else re.IGNORECASE
                found.append((re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)", flags), tuple(runs)))
        return tuple(found)

    def _is_ordinary(self, phrase: str) -> bool:
        patterns = (*self.dataset_patterns, *self.metric_patterns)
        return len(phrase) < 2 or phrase.lower() in _ORDINARY or any(it.fullmatch(phrase) for it, _ in patterns)


_ORDINARY = {
    "run",
    "the",
    "all",
    "none",
    "no",
    "with",
    "and",
    "model",
    "results",
    "baseline",
    "baselines",
    "default",
    "adjusted",
    "enhanced",
    "improved",
    "further",
    "combined",
    "final",
    "training",
    "adding",
    "changing",
    "loss",
    "it",
    "a",
    "higher",
    "lower",
    "small",
    "large",
    "fast",
    "slow",
    "new",
    "data",
    "learning rate",
    "rate",
    "step",
    "steps",
    "batch",
    "size",
}


def _dataset(name: str) -> str:
    spoken = r"[\s_\-]?".join(re.escape(part) for part in re.split(r"[_\-\s]", name))
    words = [_DATASET_WORDS[part] for part in name.split("_") if part in _DATASET_WORDS]
    whole = "|".join([spoken, *(rf"(?:modular )?{word}" for word in words)])
    plural = "s?" if name.isalpha() and not name.endswith("s") else ""
    return rf"(?<![\w])['\"`*]*(?:{whole}){plural}['\"`*]*(?![\w])"


def _metric(name: str) -> str:
    parts = [part for part in name.lower().split("_") if part]
    words = []
    for index, part in enumerate(parts):
        word = _SPOKEN.get(part, re.escape(part) + ("s?" if part.isalpha() and not part.endswith("s") else ""))
        if part == "per":
            word = r"(?:per|/)"
        optional = part in _OPTIONAL and index == 0 and len(parts) > 1
        words.append(rf"(?:{word}[\s_\-]+)?" if optional else word + (r"[\s_\-]*" if index < len(parts) - 1 else ""))
    return "".join(words) + r"(?:[\s_]mean)?"


def _phrases(label: str) -> Iterable[str]:
    plain = re.sub(r"[`*\"']", "", label).strip()
    yield plain
    without = re.sub(r"\s*\([^)]*\)", "", plain).strip()
    yield without
    inner = re.findall(r"\(([^)]*)\)", plain)
    yield from (it.strip() for it in inner if it.strip() and not re.search(r"\d", it))
    shorter = without
    while (cut := _GENERIC.sub("", shorter)) != shorter:
        shorter = cut
        yield shorter


def labels_of(headings: Mapping[int, str]) -> dict[int, str]:
    """Run -> its name, from headings like "Run 3: Orthogonal initialisation"."""
    return {run: text.strip(" :-–—#*") for run, text in headings.items() if text.strip(" :-–—#*")}
