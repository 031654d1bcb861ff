"""What the numbers of a clause are: values, pairs of a new and an old value, percent, differences, ratios."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ai_scientist.claims.numbers import Number
from ai_scientist.claims.tokens import Token

Kind = Literal["value", "percent", "difference", "ratio", "pair"]

_SETTING = re.compile(
    r"(?:learning[-\s]rates?|\blr|factors?|probabilit(?:y|ies)|decay|batch(?:[-\s]sizes?)?|dropout|coefficients?|weights?|"
    r"seeds?|thresholds?|width|depth|dim\w*|alpha|beta\d?|gamma|sigma|lambda|epsilon|eps|warm-?up|momentum|temperature|"
    r"scales?|gains?|std|variance|clip\w*|schedule|peak|step size|version|python|torch|top-?k|horizon|order|exponent|"
    r"\bp|\bdf|\bt|\bn|\bg|\bd|\bk|α|β|γ|σ|λ|corrected|interval|confidence)"
    r"\s*(?:values?\s*)?(?:of|=|==|is|was|were|at|to|from|:|<|>|≤|≥|\(|with|between|set to)?\s*[~≈(\[]?$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"^[\s-]*(?:\w+[\s-])?(?:layers?|heads?|seeds?|runs?\b|epochs?|datasets?|tasks?|classes|samples?|param\w*|hidden|dims?\b|dimension\w*|"
    r"probability|chance|grid|neurons?|units?|workers?|gpus?|cores?|blocks?|experts?|bins?|folds?|variants?|images?|examples?|"
    r"timesteps|noise levels|of the (?:steps|training|data|time|seeds)|confidence|interval|ci\b|attempts?|bits?\b|bytes|gb\b|mb\b|"
    r"hidden|random seeds|different|of \d|sections?|x\s?\d|×\s?\d|by \d|warm-?up|linear|iterations? of|characters?|tokens?(?! per|/))",
    re.IGNORECASE,
)
_UNIT = r"(?:\s*(?:%|percent|steps?|updates?|seconds?|secs?|s\b|ms\b|minutes?|min\b|nats?|tokens?(?: per |/)s(?:econd|ec)?|tok/s|images?/s(?:ec)?|points?))?"
_VERSUS = re.compile(
    rf"^{_UNIT}\s*(?:\((?P<tag>[^)]*)\))?\s*,?\s*(?:vs\.?|versus|(?:as )?compared (?:to|with)|against|rather than|instead of|"
    rf"(?:up|down) from|from|as opposed to|relative to|than|over|where)\s+(?:about |roughly )?(?P<who>[^\d;.]{{0,45}}?)$",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"(?:\bfrom|\bwas|\bbetween)\s+(?:the |a |an |about |around |roughly |its )*(?P<who>[^\d;,.()]{0,40}?)(?:of |at |'s )?[~≈]?$",
    re.IGNORECASE,
)
_TO = re.compile(
    r"(?:\bto|→|->|–>|=>)\s+(?:just |only |about |around |roughly |a |an |nearly |over |under )*[~≈]?$", re.IGNORECASE
)
_BY = re.compile(
    r"\bby\s+(?:a |an |some |about |around |roughly |approximately |almost |nearly |over |more than |up to |only |just )*[~≈+]?$",
    re.IGNORECASE,
)
_ERROR = re.compile(r"(?:±|\+/-|\+-|\\pm)\s*$")
_CHANGE = re.compile(
    r"^\s*(?:relative |absolute |overall )?(?:decreas|increas|reduc|lower|higher|faster|slower|improv|drop|gain|rise|fewer|less|more|worse|better|"
    r"quick|short|long|larger|smaller|sooner|earlier|later|speed|slow|of the baseline|degrad|below|above|jump|cut|decline|advantage|penalty)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Given:
    """A number of a clause in its role. `other` is the old value of a pair, `error` what follows a ±.

    `references` are runs that are named with the old value, `runs` those that the number itself is said to be of.
    """

    start: int
    end: int
    number: Number
    kind: Kind = "value"
    other: Number | None = None
    error: Number | None = None
    references: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    way: str | None = None


def roles(text: str, clause: Sequence[Token]) -> list[Given]:
    """The numbers of a clause that can be claims, in order."""
    found = [_plain(text, token, clause) for token in clause if token.kind == "number" and _may_claim(text, token)]
    given = [it for it in found if it is not None]
    ratios = [it for it in clause if it.kind == "ratio" and not any(_near(it, other) for other in given)]
    given += [_ratio(it) for it in ratios]
    given.sort(key=lambda it: it.start)
    return _changes(text, _paired(text, _with_errors(text, given), clause))


def _may_claim(text: str, token: Token) -> bool:
    before, after = text[max(0, token.start - 40) : token.start], text[token.end : token.end + 40]
    if re.search(
        r"[\w/]-$|#$|\brun_?$|\bv$|\bfig(?:ure|\.)\s?$|\btable\s?$|\bsection\s?$|\[\d*$", before, re.IGNORECASE
    ):
        return False
    if not token.value.times and _COUNTED.match(after):
        return False
    return not _SETTING.search(before)


def _plain(text: str, token: Token, clause: Sequence[Token]) -> Given | None:
    kind: Kind = "ratio" if token.value.times else "value"
    return Given(token.start, token.end, token.value, kind, runs=_named_after(text, token.end, clause))


def _near(token: Token, other: Given) -> bool:
    return abs(token.start - other.end) < 12 or abs(other.start - token.end) < 12


def _ratio(token: Token) -> Given:
    factor = float(token.value)
    return Given(token.start, token.end, Number(factor, 0.0, times=True, about=True), "ratio")


def _named_after(text: str, end: int, clause: Sequence[Token]) -> tuple[int, ...]:
    """The run that is named right after a number: "0.87 in Run 2", "4200 steps (baseline)"."""
    for token in clause:
        if token.kind == "run" and token.start >= end:
            between = text[end : token.start]
            if re.fullmatch(
                rf"{_UNIT}\s*(?:\(?(?:in|for|of|at|with|by|from|under)?\s*(?:the )?)", between, re.IGNORECASE
            ):
                return tuple(token.value)
            return ()
    return ()


def _with_errors(text: str, given: list[Given]) -> list[Given]:
    result: list[Given] = []
    for it in given:
        if result and _ERROR.search(text[: it.start]):
            result[-1] = replace(result[-1], error=it.number, end=it.end, runs=result[-1].runs or it.runs)
        else:
            result.append(it)
    return result


def _paired(text: str, given: list[Given], clause: Sequence[Token]) -> list[Given]:
    """New and old values that belong together: "A vs B", "from B to A"."""
    result: list[Given] = []
    old: list[Given] = []
    skip = -1
    for index, it in enumerate(given):
        if index <= skip:
            continue
        following = given[index + 1] if index + 1 < len(given) else None
        versus = _VERSUS.match(text[it.end : following.start]) if following and it.kind == "value" else None
        if versus and following and _same_unit(it, following):
            skip = index + 1
            references = _runs_between(clause, it.end, following.start) or following.runs
            own = _runs_in(
                clause,
                it.end + (versus.start("tag") if versus["tag"] else 0),
                it.end + (versus.end("tag") if versus["tag"] else 0),
            )
            result.append(
                replace(it, kind="pair", other=following.number, references=references, runs=own, end=following.end)
            )
        elif (
            it.kind == "value"
            and not it.number.times
            and _FROM.search(text[: it.start])
            and _goes_on(text, given, index)
        ):
            begin = _FROM.search(text[: it.start])
            named = _runs_in(clause, begin.start(), it.start) if begin else ()
            old.append(replace(it, references=named or it.runs))
        elif (
            old
            and it.kind == "value"
            and re.match(r"^[^.;]{0,30}\band\s", text[old[-1].end : it.start] + " ")
            and it.runs
            and not _TO.search(text[: it.start])
        ):
            old.append(replace(it, references=it.runs))
        elif old and it.kind == "value" and _TO.search(text[: it.start]):
            result += [replace(it, kind="pair", other=each.number, references=each.references, runs=()) for each in old]
            old = []
        else:
            result.append(it)
    return result


def _goes_on(text: str, given: list[Given], index: int) -> bool:
    return any(_TO.search(text[: it.start]) and it.start - given[index].end < 90 for it in given[index + 1 :])


def _same_unit(one: Given, other: Given) -> bool:
    return other.kind == "value" and one.number.percent == other.number.percent


def _runs_in(clause: Sequence[Token], start: int, end: int) -> tuple[int, ...]:
    return tuple(run for token in clause if token.kind == "run" and start <= token.start < end for run in token.value)


def _runs_between(clause: Sequence[Token], start: int, end: int) -> tuple[int, ...]:
    return _runs_in(clause, start, end)


def _changes(text: str, given: list[Given]) -> list[Given]:
    """Which of the plain numbers are changes: "by 5", "9.9% decrease", "+0.02"."""
    result = []
    for it in given:
        before, after = text[: it.start], text[it.end :]
        if it.kind == "value":
            changed = bool(_BY.search(before)) or bool(_CHANGE.match(after))
            if it.number.percent or it.number.points:
                it = replace(it, kind="percent") if changed or it.number.signed or it.number.points else it
            elif (changed and not re.match(r"^\s*(?:steps )?(?:better|worse|faster|slower)", after)) or (
                it.number.signed and before.rstrip().endswith("(")
            ):
                it = replace(it, kind="difference")
        result.append(it)
    return result
