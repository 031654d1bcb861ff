"""What the parts of a sentence speak of: runs, datasets, metrics, and the runs that are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ai_scientist.claims.clauses import Clause
from ai_scientist.claims.tokens import Token, is_a, outer
from ai_scientist.claims.vocabulary import Meanings

Said = tuple[int, ...] | str
"""Runs, or "previous", "earlier", "others", or "unknown"."""


@dataclass(frozen=True)
class Scope:
    """What a part of a sentence speaks of.

    `certain`: it says for which datasets; `part`: for a number of them that it does not name.
    `explicit`: it, or what is before it in the sentence, names the references.
    """

    runs: tuple[int, ...] = ()
    datasets: tuple[str, ...] = ()
    metrics: tuple[Meanings, ...] = ()
    references: tuple[Said, ...] = ()
    certain: bool = False
    explicit: bool = False
    part: bool = False


def beneath(scope: Scope, found: Sequence[Token], section: int | None, known: tuple[str, ...]) -> Scope:
    """The scope beneath a heading of a list, or behind the opening of a paragraph, with these tokens."""
    runs = tuple(run for token in found if token.kind == "run" for run in token.value)
    named, whole = datasets_in(found, Clause(0, len(found)), known)
    compared = tuple(token.value for token in found if token.kind == "reference")
    about = runs and (section is None or (len(found) < 6 and runs != (0,)))
    metrics = tuple(token.value for token in found if token.kind == "metric")
    metrics = metrics or tuple(token.value for token in found if token.kind == "weak")
    return Scope(
        runs if about else scope.runs,
        named or scope.datasets,
        metrics or scope.metrics,
        compared or scope.references,
        bool(named) or whole or scope.certain,
    )


def within(
    scope: Scope, found: Sequence[Token], parts: Sequence[Clause], at: int, section: int | None, known: tuple[str, ...]
) -> Scope:
    """The scope of a part of a sentence; what it does not name is as in the part before."""
    clause = parts[at]
    runs = tuple(dict.fromkeys(run for place in subjects(found, clause, section) for run in found[place].value))
    named, _ = datasets_in(found, clause, known)
    metrics = tuple(dict.fromkeys(token.value for token in clause.of(found) if token.kind == "metric"))
    if not metrics and (_changes_subject(found, clause) or (at and _are_aside(found, parts[at - 1]))):
        scope = replace(scope, metrics=())
    compared, explicit = _compared(scope, found, parts, at)
    if runs and scope.runs and runs != scope.runs and not compared:
        explicit, scope = (
            False,
            replace(scope, references=(*scope.references, scope.runs)),
        )  # "fell against the baseline and Run 1, whereas Run 2 raised it"
    return Scope(
        runs or scope.runs or _tagged(found, clause),
        named or scope.datasets,
        metrics or scope.metrics,
        compared or scope.references,
        bool(named) or scope.certain,
        explicit,
        not named and (scope.part or any(token.kind == "subset" for token in clause.of(found))),
    )


def _compared(scope: Scope, found: Sequence[Token], parts: Sequence[Clause], at: int) -> tuple[tuple[Said, ...], bool]:
    """(the references of a part, whether they are surely meant): its own, or those of a part that follows."""
    own, after = references_in(found, parts[at]), parts[at + 1 :]
    if own or not after:
        return own, bool(own) or scope.explicit
    if _shares_reference(found, parts[at], after[0]):
        return references_in(found, after[0]), True
    if any(references_in(found, part) for part in parts[:at]):
        return (), scope.explicit
    ending = _trailing(found, after[-1])
    if ending:
        return ending, True
    return (() if scope.explicit else references_in(found, after[-1])), scope.explicit


def datasets_in(found: Sequence[Token], clause: Clause, known: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """(datasets that a part names, or all where it says so; whether it says so)."""
    inside = clause.of(found)
    named: list[str] = []
    excluded: list[str] = []
    leaving_out = False
    for token in inside:
        if token.kind == "except":
            leaving_out = True
        elif token.kind == "unknown":
            named.append(token.value)
        elif token.kind == "dataset":
            (excluded if leaving_out else named).extend(token.value)
        elif token.kind in ("go", "metric"):
            leaving_out = False
    if excluded:
        return tuple(name for name in named or known if name not in excluded), True
    if named and _is_summed_up(inside):
        return known, True
    if named:
        return tuple(dict.fromkeys(named)), False
    if inside and inside[0].text.lower() == "where":  # "but not on circle, where it rose"
        return next((it.value for it in reversed(found[: clause.begin]) if it.kind == "dataset"), ()), False
    earlier = tuple(dict.fromkeys(name for it in found[: clause.begin] if it.kind == "dataset" for name in it.value))
    return _whole(inside, earlier, known)


def _is_summed_up(inside: Sequence[Token]) -> bool:
    """ "fell on all datasets, by 5% on one", "the longest on all, with 3 s on one": both before the first dataset."""
    kinds = [token.kind for token in inside]
    first = next((at for at, kind in enumerate(kinds) if kind in ("dataset", "unknown")), len(kinds))
    return "all" in kinds[:first] and bool({"go", "top"} & set(kinds[:first]))


def _whole(inside: Sequence[Token], earlier: tuple[str, ...], known: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The datasets that "all", "both" and "the others" mean, after those that were named earlier."""
    kinds = {token.kind for token in inside}
    if "others" in kinds:
        return tuple(name for name in known if name not in earlier) if earlier else (), True
    both = "both" in kinds and _both_datasets(inside)
    if both and len(known) != 2:
        return (earlier, True) if len(earlier) == 2 else ((), False)
    return (known, True) if both or "all" in kinds else ((), False)


def _both_datasets(inside: Sequence[Token]) -> bool:
    """Whether "both" is said of datasets: no runs or metrics follow it."""
    at = next(place for place, token in enumerate(inside) if token.kind == "both")
    following = next((it for it in inside[at + 1 : at + 3] if it.kind not in ("function", "prep")), None)
    others = ("run", "reference", "metric", "word", "measure", "weak", "go")
    return " " in inside[at].text or following is None or following.kind not in others


def subjects(found: Sequence[Token], clause: Clause, section: int | None) -> list[int]:
    """The places of the runs that a clause says something of."""
    outside = outer(found)
    places = [at for at in range(clause.begin, clause.end) if found[at].kind == "run"]
    head = next(
        (at for at in range(clause.begin, clause.end) if found[at].kind in ("go", "number", "ratio")), clause.end
    )
    if section is not None:  # "..., resolving the issues seen in Run 1"
        joins = ("prep", "word", "function", "with")
        places = [at for at in places if at < head or not is_a(found[at - 1], *joins)]
    places = [at for at in places if not at or found[at - 1].kind != "to"]  # "adding blocks to self-guidance"
    return [at for at in places if not _is_tag(found, at) and (outside[at] or not _numbered(found, at))]


def _tagged(found: Sequence[Token], clause: Clause) -> tuple[int, ...]:
    """The runs of the numbers, where nothing else says of which run they are: "fell to 0.3 in Run 2"."""
    tags = [
        at
        for at in range(clause.begin, clause.end)
        if found[at].kind == "run" and _is_tag(found, at) and not _is_old(found, at)
    ]
    return tuple(run for at in tags for run in found[at].value)


def _is_old(found: Sequence[Token], at: int) -> bool:
    """ "from 0.5 in Run 1 to 0.4 in Run 2": the run of the value before."""
    before = [token.kind for token in found[max(0, at - 6) : at]]
    return "from" in before and "number" in before[before.index("from") :] and "to" not in before


def _is_tag(found: Sequence[Token], at: int) -> bool:
    """Whether a run only says of which run the number before it is."""
    for token in reversed(found[max(0, at - 5) : at]):
        if token.kind in ("number", "percent"):
            return True
        if not is_a(token, "open", "prep", "unit", "function", "close", "with"):
            return False
    return False


def _numbered(found: Sequence[Token], at: int) -> bool:
    """Whether there is a number in the brackets that a token stands in."""
    begin = next((it for it in range(at, -1, -1) if found[it].kind == "open"), 0)
    end = next((it for it in range(at, len(found)) if found[it].kind == "close"), len(found))
    return any(token.kind == "number" for token in found[begin:end])


def references_in(found: Sequence[Token], clause: Clause) -> tuple[Said, ...]:
    outside = outer(found)
    places = [at for at in range(clause.begin, clause.end) if found[at].kind == "reference"]
    return tuple(dict.fromkeys(found[at].value for at in places if outside[at] or not _numbered(found, at)))


def _shares_reference(found: Sequence[Token], clause: Clause, following: Clause) -> bool:
    """ "a higher accuracy and a lower loss than Run 3": joined by nothing but "and"."""
    joint = found[following.begin - 2 : following.begin]
    bare = joint[-1].text.lower() == "and" and joint[0].kind not in ("comma", "semicolon")
    return (
        bare
        and not any(token.kind in ("run", "reference") for token in clause.of(found))
        and not subjects(found, following, None)
    )


def _sets_apart(token: Token) -> bool:
    """Whether "compared to the baseline" follows, which is said of a whole sentence, and not just "than Run 2"."""
    return token.kind != "than" or " " in token.text


def _trailing(found: Sequence[Token], last: Clause) -> tuple[Said, ...]:
    """The references at the very end of a sentence: "..., both relative to the baseline"."""
    rest = last.of(found)
    said = ("comma", "dash", "than")
    begin = next((at for at in range(len(rest) - 1, -1, -1) if rest[at].kind in said and _sets_apart(rest[at])), None)
    tail = rest[begin + 1 :] if begin is not None else []
    if not tail or any(token.kind in ("go", "metric", "dataset", "number") for token in tail):
        return ()
    return tuple(dict.fromkeys(token.value for token in tail if token.kind == "reference"))


def _are_aside(found: Sequence[Token], before: Clause) -> bool:
    """ "memorises it (99% training accuracy) but ...": the metrics stand in brackets, beside a number."""
    outside = outer(found)
    named = [at for at in range(before.begin, before.end) if found[at].kind == "metric"]
    return bool(named) and not any(outside[at] for at in named) and all(_numbered(found, at) for at in named)


def _changes_subject(found: Sequence[Token], clause: Clause) -> bool:
    """Whether a clause without a metric speaks of something else."""
    outside = outer(found)
    for at in range(clause.begin, clause.end):
        if found[at].kind == "measure" or (outside[at] and found[at].kind in ("word", "setting")):
            return True
        if found[at].kind in ("go", "ratio", "number") and outside[at]:
            return any(token.kind == "measure" for token in found[at : clause.end])
    return False
