"""Code side by side: the lines that differ with a few around them, coloured as Python, escaped by markupsafe."""

import difflib
import itertools
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token

from ai_scientist.report.text import plain

MAX_LINES = 4_000
MAX_CHARACTERS = 400_000
CONTEXT = 3
# Token type -> class in the page; the first that holds counts.
CLASSES = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Builtin, "b"),
)

Tokens = tuple[tuple[str, str], ...]
"""(class, text) of each piece of a line."""


@dataclass(frozen=True)
class Side:
    """A line of one side: its number (0 where the side has none here) and its code as HTML."""

    number: int
    code: Markup


@dataclass(frozen=True)
class Line:
    """`kind` is "same", "changed", "gone" or "new"."""

    kind: str
    old: Side
    new: Side


@dataclass(frozen=True)
class Diff:
    """`blocks` of neighbouring lines; `added` and `removed` count lines. `remark` says why nothing is compared."""

    blocks: tuple[tuple[Line, ...], ...]
    added: int
    removed: int
    remark: str = ""


NOTHING = Side(0, Markup())


def no_diff(remark: str) -> Diff:
    """A comparison that could not be made."""
    return Diff((), 0, 0, remark)


@lru_cache(maxsize=64)  # a report is written again after each event, and old runs do not change
def compare(old: str, new: str) -> Diff:
    """Two versions of a file, side by side."""
    before, after = _lines_of(old), _lines_of(new)
    if max(len(before), len(after)) > MAX_LINES or max(len(old), len(new)) > MAX_CHARACTERS:
        return no_diff("The code is too long to be compared here; git diff shows it.")
    matcher = difflib.SequenceMatcher(None, before, after)
    left, right = _tokens(before), _tokens(after)
    blocks = tuple(
        tuple(line for code in group for line in _lines(code, left, right))
        for group in matcher.get_grouped_opcodes(CONTEXT)
    )
    lines = [line for block in blocks for line in block if line.kind != "same"]
    return Diff(blocks, sum(line.new.number > 0 for line in lines), sum(line.old.number > 0 for line in lines))


def _lines_of(code: str) -> tuple[str, ...]:
    return tuple(plain(code).removesuffix("\n").split("\n"))


def _lines(code: tuple[str, int, int, int, int], left: tuple[Tokens, ...], right: tuple[Tokens, ...]) -> list[Line]:
    tag, i1, i2, j1, j2 = code
    if tag == "equal":
        pairs = zip(range(i1, i2), range(j1, j2), strict=True)
        return [Line("same", Side(i + 1, _html(left[i])), Side(j + 1, _html(right[j]))) for i, j in pairs]
    both = min(i2 - i1, j2 - j1)
    lines = [_changed(i1 + k, j1 + k, left[i1 + k], right[j1 + k]) for k in range(both)]
    lines += [Line("gone", Side(i + 1, _html(left[i])), NOTHING) for i in range(i1 + both, i2)]
    return lines + [Line("new", NOTHING, Side(j + 1, _html(right[j]))) for j in range(j1 + both, j2)]


def _changed(i: int, j: int, old: Tokens, new: Tokens) -> Line:
    """A line in two versions, what differs between their common beginning and end marked."""
    before, after = _text(old), _text(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    return Line(
        "changed",
        Side(i + 1, _html(old, start, len(before) - end)),
        Side(j + 1, _html(new, start, len(after) - end)),
    )


def _common(one: str, other: str) -> int:
    """How many characters both begin with, whole words only."""
    pairs = zip(one, other, strict=False)
    length = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    while length and any(length < len(text) and text[length - 1 : length + 1].isalnum() for text in (one, other)):
        length -= 1
    return length


def _text(tokens: Tokens) -> str:
    return "".join(text for _, text in tokens)


def _html(tokens: Tokens, start: int = 0, end: int = 0) -> Markup:
    """The pieces of a line as HTML; the characters from `start` to `end` are marked as changed."""
    found, at = Markup(), 0
    for kind, text in tokens:
        cuts = sorted({0, len(text), *(cut - at for cut in (start, end) if 0 < cut - at < len(text))})
        for low, high in itertools.pairwise(cuts):
            changed = start <= at + low and at + high <= end
            found += _piece(" ".join([*([kind] if kind else []), *(["x"] if changed else [])]), text[low:high])
        at += len(text)
    return found


def _piece(classes: str, text: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(classes, text) if classes else escape(text)


@lru_cache(maxsize=64)
def _tokens(code: tuple[str, ...]) -> tuple[Tokens, ...]:
    """The pieces of each line."""
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(code)):
        first, *others = text.split("\n")
        lines[-1].append((_class(kind), first))
        lines += [[(_class(kind), other)] for other in others]
    return tuple(tuple(piece for piece in line if piece[1]) for line in lines)


def _class(kind: Token) -> str:
    return next((name for parent, name in CLASSES if kind in parent), "")
