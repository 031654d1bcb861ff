"""Which metric a clause speaks of: by name, by a word like "faster", by its numbers, or the study's primary one."""

from collections.abc import Iterable, Sequence

from ai_scientist.claims.clauses import Clause
from ai_scientist.claims.given import Given
from ai_scientist.claims.numbers import Number
from ai_scientist.claims.scopes import Scope
from ai_scientist.claims.sharing import metric_before
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Meanings, Vocabulary
from ai_scientist.claims.wording import is_longer, is_needed, is_taken, most_of

DIGITS = 3
"""A number with fewer significant digits fits too many metrics to tell which is meant."""


def metrics_in(
    words: Vocabulary, found: Sequence[Token], clause: Clause, scope: Scope, way: str | None, given: Sequence[Given]
) -> tuple[Meanings, ...]:
    """The metrics of a clause; "faster" alone means steps or time."""
    inside = clause.of(found)
    way = way or most_of(inside)
    named = tuple(dict.fromkeys(token.value for token in inside if token.kind == "metric"))
    if named:
        return named
    weak = tuple(dict.fromkeys(token.value for token in inside if token.kind == "weak"))
    headed = _heads(inside)
    if headed is not None and (way or given):
        return (headed.value,)
    timed = next((it.unit for it in given if it.unit in ("step", "time")), None)
    if (
        way in ("faster", "slower")
        or (is_longer(inside) and is_taken(inside))
        or (weak and (timed or is_longer(inside)))
    ):
        timely = tuple(it for it in scope.metrics if any(words.kind(name) != "other" for name in it))
        steps = words.of_kind("step")
        times = words.of_kind("time")
        only = len(steps) == 1 and not times
        timed_alone = (times,) if len(times) == 1 and not steps and not words.of_kind("speed") else ()
        return weak or timely or ((steps,) if steps and (timed == "step" or only) else timed_alone)
    if timed and not any(words.kind(name) == timed for it in scope.metrics for name in it):
        meant = words.of_kind("step" if timed == "step" else "time")
        return (meant,) if len(meant) == 1 and is_needed(inside) else scope.metrics
    return scope.metrics


_BEFORE = ("dataset", "comma", "colon", "split", "prep", "than", "reference", "run")


def _heads(inside: Sequence[Token]) -> Token | None:
    """ "inference +7% on circle", "moons sampling lower than": a fragment that begins with a word for a metric."""
    lead = [token for token in inside if token.kind not in _BEFORE]
    begins = bool(lead) and lead[0].kind == "weak" and lead[0].text.lower() in ("inference", "sampling", "generation")
    after = inside[inside.index(lead[0]) + 1 :] if begins else []
    return lead[0] if begins and (not after or after[0].kind not in ("word", "setting", "measure")) else None


def unnamed_in(
    words: Vocabulary, found: Sequence[Token], clause: Clause, scope: Scope, way: str | None, given: Sequence[Given]
) -> tuple[Meanings, ...]:
    """The metric of a clause that names none, nor another measure."""
    inside = clause.of(found)
    if any(token.kind == "measure" for token in inside):
        return ()
    runs = (*scope.runs, *(run for it in given if isinstance(it.runs, tuple) for run in it.runs))
    return fitting(words, given, runs, scope.datasets) or primary(words, inside, way)


def is_counted(words: Vocabulary, inside: Sequence[Token], it: Given, metrics: Sequence[Meanings]) -> bool:
    """ "x: 1713 steps, val loss 0.0049": steps beside another metric."""
    steps = words.of_kind("step")
    if it.unit != "step" or len(steps) != 1 or steps in metrics or not metrics:
        return False
    at = next((place for place, token in enumerate(inside) if token.kind == "number" and token.value == it.number), 0)
    listed = [token.kind for token in inside[max(0, at - 2) : at]] == ["number", "comma"]
    return listed or is_needed(inside)


def is_bound(words: Vocabulary, found: Sequence[Token], clause: Clause, it: Given, metrics: Sequence[Meanings]) -> bool:
    """Whether a plain value is said of a metric, in a unit that the metric can have."""
    said, token = metric_before(found, it, clause.begin)
    if said == "none":
        return False
    if token is not None and token.kind == "weak" and not any(set(token.value) & set(one) for one in metrics):
        return False  # "lowers the KL, and adds 5.1 s of training"
    meant = [token.value] if token is not None and token.kind in ("metric", "weak") else list(metrics)
    if it.unit in ("step", "time", "speed"):
        return any(words.kind(name) == it.unit for meanings in meant for name in meanings)
    return True


def has_unit(words: Vocabulary, it: Given, metrics: Sequence[Meanings]) -> bool:
    """Whether a number is in a unit that one of the metrics can have."""
    return it.unit not in ("step", "time", "speed") or any(
        words.kind(one) == it.unit for some in metrics for one in some
    )


def fitting(
    words: Vocabulary, given: Sequence[Given], runs: Iterable[int], datasets: Sequence[str]
) -> tuple[Meanings, ...]:
    """The one metric of which every number with digits enough is the mean of one of these runs and datasets, or ()."""
    said = [it.number for it in given if it.kind == "value" and digits(it.number) >= DIGITS]
    if not said or not datasets:
        return ()
    found = [name for name in words.metrics if all(_is_a_mean(words, it, name, runs, datasets) for it in said)]
    return ((found[0],),) if len(found) == 1 else ()


def primary(words: Vocabulary, inside: Sequence[Token], way: str | None) -> tuple[Meanings, ...]:
    """The study's primary metric for "x improved by 63%", where nothing else is named that might have improved."""
    name = words.results.primary
    passed = ("dataset", "run", "reference", "function", "prep", "was", "comma", "than", "all", "both", "not")
    head = next((at for at, token in enumerate(inside) if token.kind == "go"), 0)
    plain = all(token.kind in passed for token in inside[:head])
    if name not in words.metrics or way not in ("better", "worse", "faster", "slower") or not plain:
        return ()
    if any(token.kind in ("word", "setting", "measure") for token in inside[head + 1 : head + 3]):
        return ()
    timed = way in ("faster", "slower")
    return () if timed and words.kind(name) == "other" else ((name,),)


def digits(number: Number) -> int:
    """How many significant digits a number was said with."""
    return len(str(round(abs(number.value) / number.step))) if number.step and not number.bound else 0


def _is_a_mean(words: Vocabulary, said: Number, metric: str, runs: Iterable[int], datasets: Sequence[str]) -> bool:
    scale = 0.01 if said.percent else 1.0
    if said.percent and not words.is_fraction(metric):
        return False
    measured = [words.results.metrics.get(run, {}).get(name, {}).get(metric) for run in runs for name in datasets]
    return any(it is not None and said.scaled(scale).fits(it.mean) for it in measured)
