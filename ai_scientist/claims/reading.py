"""Reading notes.txt: sentences with their lines, and what headings and list items around them speak of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ai_scientist.claims.blocks import Block, blocks, heading, is_item, lead, run_title
from ai_scientist.claims.lexicon import english

_SENTENCE_END = re.compile(r"(?<=[.!?])['\")\]*]{0,4}\s+(?=[\"'(\[*`]{0,4}[A-Za-z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:vs|e\.g|i\.e|approx|cf|resp|no|fig|etc|avg|val|acc|al|div|incl|max|min|ca|rel|temp|init|perm|reg|eq|sec|std|dev|est|num|ex|iter|dim|seq|param|config|orig|prev|norm|train|eval|w\.r\.t|spec|opt|diff|bl|base|inf|infer)|(?<![\u2019'])\b(?-i:[A-Z]))\.$",
    re.IGNORECASE,
)
_DRAWN = re.compile(
    r"\b(?:this|these|the) (?:\w+ ){0,2}(?:plots?|figures?|charts?|graphs?) |\b[xy]-axis|shaded area", re.IGNORECASE
)
_DRAWN_TITLE = re.compile(r"\W{0,3}(?:plot|figure|visuali[sz]ation)", re.IGNORECASE)
_TITLE = re.compile(r"(?:\*\*|__)[^\d*_]{1,60}[.!]")
_SUPERLATIVE = re.compile(r"\b(?:\w{3,}est|best|worst|(?:most|least)(?= expensive| costly| accurate))\b", re.IGNORECASE)
_CLOSING = ("overall", "conclusion", "conclusions", "summary", "takeaway", "takeaways")
_OF_A_RUN = ("result", "results", "analysis", "observation", "observations", "description", "note", "notes", "findings")


@dataclass(frozen=True)
class Sentence:
    """A sentence, the line that it begins in (from 1), its run (None outside of a run's section), and its context.

    `context` are the texts of the list headings above it, the nearest last; `table` are the cells' rows, if it is one.
    `block` is the line in which its paragraph or list item begins, `item` whether it is one of a list, `title` whether
    it only is the title of the text behind it: "**Lower losses.** The training loss ...".
    `drawn`: it describes a plot, so that nothing but a superlative in it is a claim.
    """

    line: int
    text: str
    run: int | None
    context: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    block: int = 0
    item: bool = False
    title: bool = False
    drawn: bool = False


@dataclass(frozen=True)
class _Place:
    """Where in the notes a block stands: the run's section, the list headings above it, whether it is passed over.

    `drawn`: it is beneath a line like "Plot descriptions:", so that paragraphs are passed over, too.
    `plots`: of what is passed over here, what is the best of all runs is still a claim.
    """

    run: int | None = None
    above: tuple[tuple[int, str], ...] = ()
    passed: bool = False
    drawn: bool = False
    plots: bool = False


def headings(notes: str) -> dict[int, str]:
    """Run -> the name in its heading."""
    titles = [title for line in notes.splitlines() if (title := run_title(line))]
    return {run: name for run, name in reversed(titles) if name}


def sentences(notes: str) -> Iterator[Sentence]:
    """Every sentence that may hold a claim, in order."""
    place = _Place()
    for block in blocks(notes):
        place = _place(place, block)
        if place.passed and place.plots:
            yield from _drawn(block, tuple(text for _, text in place.above))
        elif not place.passed and not heading(block.lines[0]) and not run_title(block.lines[0]):
            above = tuple(text for _, text in place.above)
            told = _of_block(block, place.run, above)
            yield from (it for it in told if not it.drawn or _SUPERLATIVE.search(it.text))
            opening = _heading_of(block)
            if opening:
                place = replace(place, above=(*place.above, (block.level, opening)))


def _place(before: _Place, block: Block) -> _Place:
    """Where a block stands, after the place of the block before it."""
    first = block.lines[0]
    title, headed = run_title(first), heading(first)
    if title:
        return _Place(title[0])
    if headed:
        level, text = headed
        run = before.run if level > 2 or text.lower().rstrip(":").split(" ")[0] in _OF_A_RUN else None
        return _Place(run, ((-1, text),), _is_passed(text), plots=_shows(text))
    above = tuple(entry for entry in before.above if entry[0] < block.level + block.is_table)
    if not block.is_table and _is_passed(block.text):
        drawn = before.drawn or (_heading_of(block) != "" and _DRAWN_TITLE.match(block.text) is not None)
        return _Place(before.run, above, True, drawn, before.plots or _shows(block.text))
    inside = before.drawn or is_item(first) or first[0] in " \t"
    closing = before.drawn and _begins_with(first, _CLOSING)
    under = before.passed and inside and not _begins_with(first, _OF_A_RUN) and not closing
    return _Place(None if closing else before.run, above, under, under and before.drawn, under and before.plots)


def _shows(text: str) -> bool:
    """Whether a heading, or what stands before a colon, is of plots."""
    return _DRAWN_TITLE.match(text) is not None or ".png" in text[:200]


def _begins_with(line: str, names: tuple[str, ...]) -> bool:
    name = lead(line)
    return name is not None and name.lower().split(" ")[0] in names


def _is_passed(text: str) -> bool:
    """Whether a heading or the words before a colon say that no results follow: "Plots:", "Next steps:"."""
    if ".png" in text[:200]:
        return True
    name = (lead(text) or (text if len(text) < 60 else "")).lower().strip("*_ ")
    words = name.split()
    return any(" ".join(words[:count]) in english().passed for count in (1, 2, 3)) and len(words) <= 4


def _heading_of(block: Block) -> str:
    """What a block says of the items beneath it: all of it where it ends with a colon or is a short line."""
    text = block.text
    short = (
        len(block.lines) == 1 and len(text.split()) <= 8 and text.rstrip("*_ ")[-1:] not in (".", "!", "?", ",", ";")
    )
    return text[:500] if short or text.rstrip("*_ ").endswith(":") else ""


def _of_block(block: Block, run: int | None, context: tuple[str, ...]) -> Iterator[Sentence]:
    if block.is_table:
        rows = tuple(tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in block.lines)
        yield Sentence(block.line, "\n".join(block.lines), run, context, rows)
        return
    text, starts = "", []
    for piece, number in block.pieces():
        text += " " if text else ""
        starts.append((len(text), number))
        text += piece
    opening = _opening(text)
    for begin, piece in _split(text):
        line = next(number for start, number in reversed(starts) if start <= begin)
        above = (*context, opening) if begin and opening else context
        title = not begin and len(piece) < len(text) - 9 and _TITLE.fullmatch(piece) is not None
        item, drawn = is_item(block.lines[0]), _DRAWN.search(piece) is not None
        yield Sentence(line, piece, run, above, block=block.line, item=item, title=title, drawn=drawn)


def _drawn(block: Block, above: tuple[str, ...]) -> Iterator[Sentence]:
    """What a description of a plot says is the best: "Bars of the loss. Run 3 has the lowest on all datasets."."""
    for it in _of_block(block, None, ()):
        if _SUPERLATIVE.search(it.text):
            yield replace(it, context=above, drawn=True)
        above = (*above, it.text)


def _opening(text: str) -> str:
    """What a paragraph or item begins with, "x_div_y:", "For x_div_y,": its later sentences go on with it."""
    name, title = lead(text), _TITLE.match(text)
    if title:
        return title[0]
    return f"{name}:" if name else " ".join(re.split(r"[,;]", text[:200])[0].split()[:4])


def _split(text: str) -> Iterator[tuple[int, str]]:
    """(where it begins, sentence) of each sentence in a text."""
    begin = 0
    for match in _SENTENCE_END.finditer(text):
        before = text[max(begin, match.start() - 20) : match.start()]
        if not _ABBREVIATION.search(before) and not re.fullmatch(r"\W*\d{1,2}\.", before):
            if text[begin : match.start()].strip():
                yield begin, text[begin : match.start()].strip()
            begin = match.end()
    if text[begin:].strip():
        yield begin, text[begin:].strip()
