"""Reading notes.txt: sentences with their lines, and what headings and list items around them speak of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

HEADING = re.compile(r"^\s{0,3}(#{1,6})\s*(.*?)\s*#*\s*$")
RUN_TITLE = re.compile(r"^\W*run[\s_]*(?:no\.?\s*|#)?(\d+)\b\W*(.*)$", re.IGNORECASE)
_ITEM = re.compile(r"^(\s*)(?:[-*+•]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+(.*)$")
_LEAD = re.compile(r"^\s*(?:\*\*|['\"`])*([\w][^:.;|]{0,60}?)(?:\*\*|['\"`])*\s*:(?:\*\*)?(?:\s|$)")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?:['\")\]*]*)\s+(?=[\"'(\[*`]*[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:vs|e\.g|i\.e|approx|cf|resp|no|fig|etc|avg|val|acc|al|div)|\b[A-Z])\.$", re.IGNORECASE
)
_SKIPPED = re.compile(
    r"^\W*(?:plots?|plot descriptions?|figures?|visuali[sz]ations?|next steps?|future (?:work|directions)|title|"
    r"experiment description|profile|device|plan|idea|hypothes[ie]s|to ?do|expectations?|setup|hyperparameters?|config\w*)\b"
    r"[^.]*?(?::|$)",
    re.IGNORECASE,
)


_DRAWN = re.compile(
    r"\.png|\b(?:this|these|the) (?:\w+ ){0,2}(?:plots?|figures?|charts?|graphs?) |\b[xy]-axis|shaded area",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence, the line that it begins in (from 1), its run (None outside of a run's section), and its context.

    `context` are the texts of the list headings above it, the nearest last; `table` are the cells' rows, if it is one.
    """

    line: int
    text: str
    run: int | None
    context: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass
class _Block:
    line: int
    level: int
    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


def headings(notes: str) -> dict[int, str]:
    """Run -> the name in its heading."""
    found: dict[int, str] = {}
    for line in notes.splitlines():
        heading = HEADING.match(line)
        if heading and (title := RUN_TITLE.match(heading[2])):
            found.setdefault(int(title[1]), title[2])
    return found


def sentences(notes: str) -> Iterator[Sentence]:
    """Every sentence that may hold a claim, in order."""
    run: int | None = None
    skipping = False
    stack: list[tuple[int, str]] = []
    for block in _blocks(notes):
        first = block.lines[0]
        heading = HEADING.match(first)
        title = RUN_TITLE.match(heading[2]) if heading else _bold_title(first)
        if title:
            run, skipping, stack = int(title[1]), False, []
            continue
        if heading:
            level = len(heading[1])
            skipping = bool(_SKIPPED.match(heading[2]))
            if level <= 2 and not re.match(
                r"\W*(results?|analysis|observations?|description|notes?)\b", heading[2], re.I
            ):
                run = None
            stack = [(-1, heading[2])]
            continue
        if skipping and (
            not re.match(r"\s", first) and re.match(r"\W*(results?|analysis|observations?|description)\b", first, re.I)
        ):
            skipping = False
        if _SKIPPED.match(first) and not first.lstrip().startswith("|"):
            skipping = first.rstrip().endswith(":")
            stack = [entry for entry in stack if entry[0] < block.level]
            continue
        if skipping and block.level == 0 and not _ITEM.match(first) and not first.startswith((" ", "\t")):
            skipping = False
        if skipping or _DRAWN.search(" ".join(block.lines)):
            continue
        stack = [entry for entry in stack if entry[0] < block.level]
        yield from _of_block(block, run, tuple(text for _, text in stack))
        lead = _heading_of(block)
        if lead:
            stack.append((block.level, lead))


def _bold_title(line: str) -> re.Match[str] | None:
    match = re.match(r"^\s*(?:\*\*|__)\s*(run[\s_]*\d+\b.*?)(?:\*\*|__)\s*:?\s*$", line, re.IGNORECASE)
    plain = match or re.match(r"^(run[\s_]*\d+\s*(?:[:(–—-].*)?:?)$", line.strip(), re.IGNORECASE)
    if plain and len(line) < 90 and not re.search(r"\d\.\d|%", line):
        return RUN_TITLE.match(plain[1])
    return None


def _heading_of(block: _Block) -> str:
    """What a block says of the items beneath it: all of it where it ends with a colon."""
    text = " ".join(line.strip() for line in block.lines)
    return text if text.rstrip("* ").endswith(":") else ""


def _blocks(notes: str) -> Iterator[_Block]:
    """Lines that belong together: wrapped paragraphs, list items, tables, results in dict form."""
    block: _Block | None = None
    depth = 0
    for number, line in enumerate(notes.splitlines(), 1):
        if depth <= 0 and not line.strip():
            if block:
                yield block
            block = None
            continue
        if block is not None and (depth > 0 or _continues(block, line)):
            block.lines.append(line)
            block.numbers.append(number)
        else:
            if block:
                yield block
            block = _Block(number, _level(line), [line], [number])
            depth = 0
        depth += line.count("{") - line.count("}")
        if len(block.lines) > 200:
            depth = 0
    if block:
        yield block


def _continues(block: _Block, line: str) -> bool:
    first, last = block.lines[0], block.lines[-1]
    is_table = line.lstrip().startswith("|")
    if is_table or first.lstrip().startswith("|"):
        return is_table and first.lstrip().startswith("|")
    if HEADING.match(line) or HEADING.match(first) or _ITEM.match(line) or _bold_title(line) or _bold_title(first):
        return False
    if last.rstrip("* ").endswith(":"):
        return bool(re.match(r"^\s*\{", line))
    if re.match(r"^\s*['{]", line) and "{" in line:
        return False
    lead = _LEAD.match(line)
    return not (
        lead
        and len(lead[1].split()) <= 6
        and (
            lead[1][0].isupper()
            or last.rstrip().endswith((".", ";", "}"))
            or "_" in lead[1]
            or re.search(r"\d$", last.rstrip())
        )
    )


def _level(line: str) -> int:
    indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
    return indent * 2 + (1 if _ITEM.match(line) else 0)


def _of_block(block: _Block, run: int | None, context: tuple[str, ...]) -> Iterator[Sentence]:
    if block.lines[0].lstrip().startswith("|"):
        rows = tuple(tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in block.lines)
        yield Sentence(block.line, "\n".join(block.lines), run, context, rows)
        return
    text, starts = _joined(block)
    lead = _opening(text)
    position = 0
    for piece in _split(text):
        begin = text.index(piece, position)
        position = begin + len(piece)
        line = next(number for start, number in reversed(starts) if start <= begin)
        inner = (*context, lead) if begin and lead else context
        yield Sentence(line, piece, run, inner)


def _opening(text: str) -> str:
    """What a paragraph or item begins with, "x_div_y:", "For x_div_y,", "The line task ...": its later sentences go on."""
    lead = _LEAD.match(text)
    return lead[1] + ":" if lead else " ".join(re.split(r"[,;]", text)[0].split()[:4])


def _joined(block: _Block) -> tuple[str, list[tuple[int, int]]]:
    """The block as one line, without its bullet, and (where in it, line number) of each of its lines."""
    text, starts = "", []
    for number, line in zip(block.numbers, block.lines, strict=True):
        item = _ITEM.match(line) if not text else None
        piece = (item[2] if item else line).strip()
        text += " " if text else ""
        starts.append((len(text), number))
        text += piece
    return text, starts


def _split(text: str) -> list[str]:
    pieces: list[str] = []
    begin = 0
    for match in _SENTENCE_END.finditer(text):
        if _ABBREVIATION.search(text[: match.start()].rstrip("'\")]*")) or re.search(
            r"^\d{1,2}\.$", text[begin : match.start()].strip()
        ):
            continue
        pieces.append(text[begin : match.start()].strip())
        begin = match.end()
    pieces.append(text[begin:].strip())
    return [piece for piece in pieces if piece]
