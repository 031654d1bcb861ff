"""What looks odd about a run: said to the agent and to people, never forbidden, since each can have a good reason."""

import ast
import re
from collections.abc import Iterator, Mapping

from ai_scientist.idea import Idea
from ai_scientist.metrics import Metrics, seeds_matter

# Names that say how much work is done, on how much data, or how often it is repeated.
AMOUNTS = re.compile(r"(?:^|_)(steps?|iters?|iterations?|epochs?|seeds?|fraction)$", re.IGNORECASE)
# A run four times as fast as the baseline has left something out more often than it has found something.
TOO_FAST = 0.25
MIN_SECONDS = 5.0  # below this, starting Python is most of the time


def in_results(run: int, metrics: Mapping[int, Metrics]) -> tuple[str, ...]:
    """Results that are too alike to come from new code, or from different seeds; of the baseline (run 0), too."""
    means = {number: _means(measured) for number, measured in metrics.items()}
    alike = [number for number, other in means.items() if number != run and other == means[run]]
    said = [
        f"all results of run {run} are identical to those of run {other}, although the code differs" for other in alike
    ]
    if not seeds_matter(metrics[run]):
        said.append(f"every metric of run {run} is the same for every seed: the seeds seem to change nothing")
    return tuple(said)


def in_time(run: int, seconds: float, baseline_seconds: float) -> tuple[str, ...]:
    """A run that is much faster than its work allows."""
    if baseline_seconds < MIN_SECONDS or seconds >= TOO_FAST * baseline_seconds:
        return ()
    return (f"run {run} took {seconds:.1f} s, the baseline {baseline_seconds:.1f} s: is it doing all of the work?",)


def in_code(before: str, after: str, idea: Idea, sealed: tuple[str, ...], metrics: tuple[str, ...]) -> tuple[str, ...]:
    """What an edit did to the measuring, from the baseline's code and the run's.

    Amounts of work changed where the idea does not speak of them, metrics set to constants or random numbers, and
    sealed definitions that are not used any more.
    """
    old, new = _constants(before), _constants(after)
    said = [
        f"{name} is {', '.join(sorted(values))}, was {', '.join(sorted(old[name]))}: the idea does not say so"
        for name, values in new.items()
        if name in old and values != old[name] and not _speaks_of(idea, name)
    ]
    literals = set(_made_up(after, metrics)) - set(_made_up(before, metrics))
    said += [f"the metric {name} is set to a constant or a random number in the code" for name in sorted(literals)]
    unused = _used(before, sealed) - _used(after, sealed)
    said += [f"{name}, which is sealed, is not used any more" for name in sorted(unused)]
    return tuple(said)


def _means(measured: Metrics) -> dict[tuple[str, str], float]:
    return {(dataset, name): it.mean for dataset, metrics in measured.items() for name, it in metrics.items()}


def _speaks_of(idea: Idea, name: str) -> bool:
    """Whether the idea names it as it is called in the code, or says that it may change it."""
    return name.lower() in idea.experiment.lower() or name in idea.may_change


def _constants(code: str) -> dict[str, frozenset[str]]:
    """Names of amounts -> the constants that they are given anywhere: assignments, keyword arguments, defaults."""
    found: dict[str, set[str]] = {}
    for name, value in _given(code):
        if AMOUNTS.search(name) and _is_plain(value):
            found.setdefault(name, set()).add(ast.unparse(value))
    return {name: frozenset(values) for name, values in found.items()}


def _made_up(code: str, metrics: tuple[str, ...]) -> Iterator[str]:
    for name, value in _given(code):
        metric = name.removesuffix("_mean")
        if metric in metrics and ((_is_number(value) and ast.literal_eval(value) != 0) or _is_random(value)):
            yield metric  # 0 is where sums begin


def _used(code: str, names: tuple[str, ...]) -> set[str]:
    """Which of the names are read anywhere in the code."""
    read = {node.id for node in _nodes(code) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return read.intersection(names)


def _nodes(code: str) -> Iterator[ast.AST]:
    """Every node of the code; none if it is no Python."""
    try:
        return ast.walk(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return iter(())


def _given(code: str) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of every assignment, keyword argument and item of a dict in the code."""
    for node in _nodes(code):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((name, value) for target in targets if (name := _name(target)))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield _name(target), value
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                yield from (
                    (key.value, v) for key, v in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )


def _name(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _is_number(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Constant) and isinstance(value.value, int | float) and not isinstance(value.value, bool)
    )


def _is_plain(value: ast.expr) -> bool:
    return _is_number(value) or (isinstance(value, ast.Tuple | ast.List) and all(_is_number(it) for it in value.elts))


def _is_random(value: ast.expr) -> bool:
    """Whether it is the call of a generator: random.uniform(...), rng.normal(...), torch.rand(1)."""
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(value)}
    return isinstance(value, ast.Call) and any(re.search(r"rand|^rng$", name) for name in names)
