"""The words for what a study measured: datasets, metrics and runs, as people write them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ai_scientist.claims.lexicon import Lexicon, english, spoken
from ai_scientist.claims.metric_names import initials, label_phrases, metric_phrases, step_phrases
from ai_scientist.claims.model import Results
from ai_scientist.claims.names import abbreviations, by_phrase, cores, dataset_phrases, run_phrases

Kind = Literal["step", "time", "speed", "other"]
Meanings = tuple[str, ...]
"""The metrics that a word may mean."""

_LOWER = re.compile(
    r"loss|error|time|second|duration|latency|kl|diverg|perplex|step|bits|bpb|bpc|nll|mse|rmse|mae|fid|regret|memory"
    r"|ece|calib|collision|violation|failure|distance|wer\b|overhead|hausdorff|hd\d|mape|crps|brier|lpips|fpr"
)
_HIGHER = re.compile(
    r"acc|f1|auc|score|per_sec|per_second|throughput|reward|return|r2|bleu|rouge|precision|recall|speed|fps|success"
    r"|coverage|psnr|ssim|iou|dice|(?:^|_)map(?:_|$)|win_rate|ndcg|mrr|(?:^|_)hits?(?:_|$)|diversity|novelty|correlation|spearman|pearson"
    r"|kappa|mcc|boundary_f|tpr"
)


@dataclass(frozen=True)
class Vocabulary:
    """Finds the names of datasets, metrics and runs in a text."""

    results: Results
    aliases: Mapping[str, str] = field(default_factory=dict)
    """What the notes call a metric: "t99" of "t99 = step_val_acc_99"."""

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Every dataset that any run measured."""
        return tuple(dict.fromkeys(name for metrics in self.results.metrics.values() for name in metrics))

    @cached_property
    def metrics(self) -> Meanings:
        """Every metric of any run and dataset."""
        found = (it for metrics in self.results.metrics.values() for measured in metrics.values() for it in measured)
        return tuple(dict.fromkeys(found))

    def better(self, metric: str) -> Literal["lower", "higher"] | None:
        """Which way a metric is better: as the template says, else as its name does."""
        said = self.results.better.get(metric)
        if said or metric in self.results.better:
            return said
        name = metric.lower()
        if self.kind(metric) != "speed" and _LOWER.search(name):
            return "lower"
        return "higher" if _HIGHER.search(name) else None

    def kind(self, metric: str) -> Kind:
        """What "faster" means for it: fewer steps, less time, or a higher rate."""
        name = metric.lower()
        if re.search(r"per_sec|throughput|speed|fps|_per_s$", name):
            return "speed"
        if re.search(r"(?:^|_)(?:seconds|secs?|time|ms|minutes)$", name) and not re.search(r"_to_|steps", name):
            return "time"
        if re.search(r"(?:^|_)(?:steps?|epochs?|iters?|iterations?|updates)(?:_|$)|episodes_to|samples_to", name):
            return "step"
        return "time" if re.search(r"time|second|duration|latency|wall|_ms$|_s$", name) else "other"

    def of_kind(self, kind: Kind) -> Meanings:
        """The metrics of a kind."""
        return tuple(name for name in self.metrics if self.kind(name) == kind)

    def is_fraction(self, metric: str) -> bool:
        """Whether all its values lie between 0 and 1, so that it may be said in percent."""
        return metric in self._fractions

    def may_be_negative(self, metric: str) -> bool:
        """Whether a run measured a value below 0, so that a minus sign is no sign of a change."""
        found = (measured.get(metric) for run in self.results.metrics.values() for measured in run.values())
        return any(it is not None and it.mean < 0 for it in found)

    @cached_property
    def _fractions(self) -> frozenset[str]:
        beyond = {
            name
            for metrics in self.results.metrics.values()
            for measured in metrics.values()
            for name, it in measured.items()
            if not 0 <= it.mean <= 1
        }
        return frozenset(self.metrics) - beyond

    @cached_property
    def thresholds(self) -> dict[float, Meanings]:
        """99.0 -> the metrics that count steps until 99% are reached, by the number in their names."""
        found: dict[float, list[str]] = {}
        for name in self.of_kind("step"):
            for digits in re.findall(r"(?<![a-zA-Z\d])\d{2,3}(?!\d)", name):
                found.setdefault(float(digits), []).append(name)
        return {number: tuple(names) for number, names in found.items()}

    def parted(self, text: str) -> str:
        """A text with names of a metric and a dataset in one apart: "val_loss_circle.png", "val_loss_mean_circle"."""
        return self._joint.sub(r"\1 \2", text) if self.datasets and self.metrics else text

    @cached_property
    def _joint(self) -> re.Pattern[str]:
        metrics, datasets = ("|".join(map(re.escape, names)) for names in (self.metrics, self.datasets))
        return re.compile(rf"\b({metrics})(?:_mean)?_({datasets})\b")

    @cached_property
    def lexicon(self) -> Lexicon:
        """Words of English, and above them the names of this study."""
        lexicon = Lexicon({first: dict(known) for first, known in english().lexicon.by_first.items()})
        for run, labels in self._labels().items():
            for label, exact in labels:
                lexicon.add(label, "run", (run,), exact=exact, rank=1)
        for phrase, meant in by_phrase(self._spoken_metrics()).items():
            lexicon.add(phrase, "metric", meant, rank=2)
        for (brief,), names in by_phrase(((initials(name),), name) for name in self.metrics).items():
            lexicon.add(brief, "metric", names, exact=brief, rank=2)
        for alias, name in self.aliases.items():
            lexicon.add(alias, "metric", (name,), rank=3)
        for word, weak in self._weak().items():
            lexicon.add(word, "weak", weak, rank=2)
        for phrase, names in by_phrase((way, name) for name in self.datasets for way in dataset_phrases(name)).items():
            if len(names) == 1:
                lexicon.add(phrase, "dataset", names, rank=3)
        return lexicon

    def _spoken_metrics(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(words, metric) for every way to say a metric, whole or by the end of its name."""
        for name in self.metrics:
            ways = list(step_phrases(name)) if self.kind(name) == "step" else metric_phrases(name)
            yield from ((way, name) for way in ways)
            yield from (((*way, "mean"), name) for way in ways[:1])
        for name, label in self.results.said.items():
            yield from ((way, name) for way in label_phrases(label))
        for kind, phrases in english().names.items():
            yield from ((tuple(phrase.split()), name) for phrase in phrases for name in self.called(kind))

    def called(self, kind: str) -> Meanings:
        """The metrics that the names of a kind in words.toml may mean."""
        return {"step": self.of_kind("step"), "training": self._training(), "inference": self._inferring()}[kind]

    def _training(self) -> Meanings:
        times = self.of_kind("time")
        return tuple(name for name in times if "train" in name or "wall" in name) or tuple(
            name for name in times if not re.search(r"infer|sampl|gener|latency", name)
        )

    def _inferring(self) -> Meanings:
        either = (*self.of_kind("speed"), *self.of_kind("time"))
        return tuple(name for name in either if re.search(r"infer|sampl|gener|latency|token", name))

    def _weak(self) -> dict[str, Meanings]:
        """Words that mean a metric only with a word like "faster"."""
        named = {name.lower() for name in (*self.metrics, *self.datasets)}
        found = {word: self.called(kind) for kind, words in english().weak.items() for word in words}
        return {word: meant for word, meant in found.items() if meant and word not in named}

    def _labels(self) -> dict[int, list[tuple[str, str]]]:
        """Run -> (phrase, exact spelling or "") for its names that mean no other run and no ordinary word."""
        meant: dict[tuple[str, ...], set[int]] = {}
        spelled: dict[tuple[str, ...], str] = {}
        labels = self.results.labels
        named = [(run, phrase) for run, label in labels.items() for phrase in run_phrases(label)]
        for run, phrase in (*named, *cores(labels)):
            words = tuple(spoken(phrase))
            meant.setdefault(words, set()).add(run)
            spelled[words] = phrase
        brief: dict[tuple[str, ...], set[int]] = {}
        for run, label in labels.items():
            for word in abbreviations(label):
                brief.setdefault(tuple(spoken(word)), set()).add(run)
                spelled.setdefault(tuple(spoken(word)), word)
        found: dict[int, list[tuple[str, str]]] = {}
        for words, runs in {**brief, **meant}.items():
            known = english().lexicon.by_first.get(words[0], {}).get(words) if words else None
            ordinary = (known is not None and known.kind not in ("setting", "measure")) or (
                len(words) == 1 and words[0] in english().function
            )
            if len(runs) == 1 and words and not ordinary:
                phrase = spelled[words]
                measured = known is not None and known.kind == "measure"
                short = len(words) == 1 and (len(phrase) < 4 or words[0] in english().common or measured)
                found.setdefault(next(iter(runs)), []).append((phrase, phrase if short else ""))
        return found
