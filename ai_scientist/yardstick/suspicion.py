"""What looks odd about a run: said to the agent and to people, never forbidden, since each can have a good reason."""

import ast
import re
from collections.abc import Iterator, Mapping

from ai_scientist.idea import Idea
from ai_scientist.metrics import Metrics, seeds_matter
from ai_scientist.parsing import NO_PYTHON, parse
from ai_scientist.yardstick.reaching import around

# Names that say how much work is done, on how much data, or how often it is repeated.
AMOUNTS = re.compile(r"(?:^|_)(steps?|iters?|iterations?|epochs?|seeds?|fraction)$", re.IGNORECASE)
# Those of them that are no counters: whatever they are set to is an amount, a plain number or not.
TOTALS = re.compile(r"(?:^|_)(steps|iters|iterations|epochs|seeds|fraction)$", re.IGNORECASE)
GENERATORS = re.compile(r"rand|^rng$")
# A run four times as fast as the baseline has left something out more often than it has found something.
TOO_FAST = 0.25
COMPUTED = "(a computed name)"  # of a metric: info[f"{metric}_mean"]
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

    Amounts of work changed where the idea does not speak of them, metrics set to constants or random numbers,
    sealed definitions that are not used any more, and what reaches around them (reaching.py).
    """
    if not any(_nodes(after)):
        return ()  # it is no Python, and cannot run
    old, new = _constants(before), _constants(after)
    said = [
        f"{name} is {', '.join(sorted(values))}, was {', '.join(sorted(old[name]))}: the idea does not say so"
        for name, values in new.items()
        if name in old and values != old[name] and not _speaks_of(idea, name)
    ]
    said += [
        f"{name}, an amount of work, is gone" for name in sorted(set(old) - set(new)) if not _speaks_of(idea, name)
    ]
    loops = sorted(_loops(after) - _loops(before))
    said += [f"a loop goes over {loop}, the baseline's did not" for loop in loops if not _speaks_of(idea, loop)]
    literals = set(_made_up(after, metrics)) - set(_made_up(before, metrics))
    said += [f"the metric {name} is set to a constant or a random number in the code" for name in sorted(literals)]
    unused = _used(before, sealed) - _used(after, sealed)
    said += [f"{name}, which is sealed, is not used any more" for name in sorted(unused)]
    return (*said, *around(before, after, sealed, metrics))


def _means(measured: Metrics) -> dict[tuple[str, str], float]:
    return {(dataset, name): it.mean for dataset, metrics in measured.items() for name, it in metrics.items()}


def _speaks_of(idea: Idea, name: str) -> bool:
    """Whether the idea names it as it is called in the code, or says that it may change it."""
    return name.lower() in idea.experiment.lower() or name in idea.may_change


def _constants(code: str) -> dict[str, frozenset[str]]:
    """Names of amounts -> what they are given anywhere: assignments, keyword arguments, defaults."""
    found: dict[str, set[str]] = {}
    for name, value in _given(code):
        if (AMOUNTS.search(name) and _is_plain(value)) or (TOTALS.search(name) and not _is_passed_on(value)):
            found.setdefault(name, set()).add(ast.unparse(value))
    return {name: frozenset(values) for name, values in found.items()}


def _is_passed_on(value: ast.expr) -> bool:
    """Whether a value is only handed from one name to another."""
    return isinstance(value, ast.Name | ast.Attribute)


def _loops(code: str) -> set[str]:
    """The ranges that speak of amounts of work: "range(settings.steps // 10)"."""
    calls = [it for it in _nodes(code) if isinstance(it, ast.Call) and getattr(it.func, "id", "") == "range"]
    return {
        ast.unparse(call)
        for call in calls
        if any(TOTALS.search(getattr(it, "id", getattr(it, "attr", ""))) for it in ast.walk(call))
    }


def _made_up(code: str, metrics: tuple[str, ...]) -> Iterator[str]:
    fixed = _fixed(code)
    for name, value in _given(code):
        metric = name.removesuffix("_mean")
        if (metric in metrics or name == COMPUTED) and _is_made_up(value, fixed):
            yield metric


def _fixed(code: str) -> set[str]:
    """Names that are nothing but a number: every one of their bindings is a plain one."""
    bound: dict[str, list[bool]] = {}
    for node in _nodes(code):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.setdefault(name, []).append(False)
    for name, value in _given(code):
        if name in bound and _is_number(value):
            bound[name].append(True)
    return {name for name, plain in bound.items() if plain.count(True) == plain.count(False)}


def _is_made_up(value: ast.expr, fixed: set[str]) -> bool:
    """Whether a value is made of numbers alone, or of random ones. 0 is where sums begin, and made of nothing."""
    names = {it.id for it in ast.walk(value) if isinstance(it, ast.Name)} - fixed
    words = {getattr(it, "attr", getattr(it, "id", "")) for it in ast.walk(value)}
    if any(isinstance(it, ast.Call) for it in ast.walk(value)):
        return any(GENERATORS.search(word) for word in words) and names <= {"random", "rng", "np", "numpy", "torch"}
    numbers = [it.value for it in ast.walk(value) if isinstance(it, ast.Constant) and _is_number(it)]
    used = {it.id for it in ast.walk(value) if isinstance(it, ast.Name)}
    return not names and (any(numbers) or bool(used))


def _used(code: str, names: tuple[str, ...]) -> set[str]:
    """Which of the names are read anywhere in the code."""
    read = {node.id for node in _nodes(code) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return read.intersection(names)


def _nodes(code: str) -> Iterator[ast.AST]:
    """Every node of the code; none if it is no Python."""
    try:
        return ast.walk(parse(code))
    except NO_PYTHON:
        return iter(())


def _given(code: str) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of every assignment, keyword argument, default and item of a dict in the code."""
    for node in _nodes(code):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from (pair for target in targets for pair in _pairs(target, value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield _name(target), value
            case ast.AugAssign(target=target, op=ast.Mult() | ast.Div(), value=value):
                yield _name(target), value
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.arguments(args=arguments, defaults=defaults) if defaults:
                yield from ((it.arg, value) for it, value in zip(arguments[-len(defaults) :], defaults, strict=True))
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                yield from (
                    (key.value, v) for key, v in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        if len(target.elts) == len(value.elts):
            yield from ((_name(one), other) for one, other in zip(target.elts, value.elts, strict=True))
    elif name := _name(target):
        yield name, value


def _name(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(slice=ast.JoinedStr(values=[*_, ast.Constant(value=str(end))])) if end.endswith("_mean"):
            return COMPUTED
    return ""


def _is_number(value: ast.AST) -> bool:
    return (
        isinstance(value, ast.Constant) and isinstance(value.value, int | float) and not isinstance(value.value, bool)
    )


def _is_plain(value: ast.expr) -> bool:
    return _is_number(value) or (isinstance(value, ast.Tuple | ast.List) and all(_is_number(it) for it in value.elts))
