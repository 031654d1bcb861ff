"""Lines of notes that belong together: wrapped paragraphs, list items, tables, results in dict form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINES = 200
"""Longer paragraphs are read in pieces, so that no text takes long."""

_ITEM = re.compile(r"(\s*)(?:\d\ufe0f?\u20e3|[-*+\u2022]|[-=]>|\u2192|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+(?=\S)")
_LEAD = re.compile(r"\s*[*_'\"`]{0,3}(\w[^:.;|]{0,60}?)[*_'\"`]{0,3}\s?:[*_]{0,2}(?=\s|$)")
_TITLE = re.compile(
    r"\W{0,3}(?:run|experiment)[\s_]{0,2}(?:no\.?\s?|#)?(\d{1,4})\b\W{0,5}([^\n]{0,200})", re.IGNORECASE
)
_ANY_RUN = re.compile(r"\brun[\s_]?(\d{1,4})\b", re.IGNORECASE)


@dataclass
class Block:
    """Lines, with the number of the first, from 1; `level` grows with the indentation of lists."""

    line: int
    level: int
    lines: list[str]

    @property
    def text(self) -> str:
        """Its lines as one, without the bullet of the first."""
        return " ".join(piece for piece, _ in self.pieces())

    def pieces(self) -> Iterator[tuple[str, int]]:
        """(text, line number) of each line."""
        for index, line in enumerate(self.lines):
            item = _ITEM.match(line) if not index else None
            yield (line[item.end() :] if item else line).strip(), self.line + index

    @property
    def is_table(self) -> bool:
        """Whether it is rows of cells between bars."""
        return self.lines[0].lstrip().startswith("|")


def blocks(notes: str) -> Iterator[Block]:
    """The blocks of notes in order."""
    block: Block | None = None
    depth = 0
    for number, line in enumerate(notes.splitlines(), 1):
        blank = not line.strip()
        joins = (
            block is not None
            and len(block.lines) < MAX_LINES
            and (depth > 0 or (not blank and _continues(block, line)))
        )
        if block is not None and joins:
            block.lines.append(line)
        else:
            if block is not None:
                yield block
            block = None if blank else Block(number, _level(line), [line])
            depth = 0
        depth += line.count("{") - line.count("}")
    if block is not None:
        yield block


def heading(line: str) -> tuple[int, str] | None:
    """(level, text) of a heading with # signs."""
    bare = line.strip()
    level = len(bare) - len(bare.lstrip("#"))
    return (level, bare.strip("#").strip()) if 0 < level <= 6 and len(line) - len(line.lstrip()) <= 3 else None


def run_title(line: str) -> tuple[int, str] | None:
    """(run, its name) where a line is the title of a run's section, with # signs, in bold, or plain."""
    headed = heading(line)
    if headed:
        match = _TITLE.match(headed[1])
        if match:
            return int(match[1]), match[2].strip(" :-#*\u2013\u2014()")
        named = set(_ANY_RUN.findall(headed[1]))
        return (int(named.pop()), "") if len(named) == 1 else None
    if len(line) > 90:
        return None
    bare = line.strip()
    bold = bare.startswith(("**", "__")) and bare.rstrip(":").endswith(("**", "__"))
    match = _TITLE.match(bare.strip("*_: "))
    if match is None or re.search(r"\d\.\d|%", match[2]):
        return None
    rest = bare.strip("*_: ")[match.end(1) :]
    plain = (
        bare[0] in "rReE"
        and (not rest or re.match(r"\s?[:(\u2013\u2014-]", rest))
        and not re.search(r"\d\d|[.;]$", match[2])
    )
    return (int(match[1]), match[2].strip(" :-#*\u2013\u2014()")) if bold or plain else None


def lead(text: str) -> str | None:
    """What a line begins with and says of the rest: "x_div_y" of "x_div_y: 0.45"."""
    match = _LEAD.match(text)
    return match[1] if match else None


def is_item(line: str) -> bool:
    """Whether a line begins with a bullet or a number."""
    return _ITEM.match(line) is not None


def _level(line: str) -> int:
    wide = line.expandtabs(4)
    return 2 * (len(wide) - len(wide.lstrip())) + is_item(line)


def _continues(block: Block, line: str) -> bool:
    """Whether a line goes on with a block."""
    first, last = block.lines[0], block.lines[-1].rstrip()
    is_row = line.lstrip().startswith("|")
    if is_row or block.is_table:
        return is_row and block.is_table
    if heading(line) or heading(first) or is_item(line) or run_title(line) or run_title(first):
        return False
    if last.rstrip("*_ ").endswith(":"):
        return line.lstrip().startswith("{")
    if re.match(r"\s*['{]", line) and "{" in line:
        return False
    if is_item(first) and len(last) < 60 and line[0].isupper():
        return False  # a paragraph behind a short item
    return not _begins(block, line, last)


def _begins(block: Block, line: str, last: str) -> bool:
    """Whether a line with a colon, "Final loss: 0.4", begins something new."""
    name = lead(line)
    if name is None or len(name.split()) > 6:
        return False
    brackets = sum(text.count("(") - text.count(")") for text in block.lines)
    if line[0] in " \t" and len(name.split()) <= 2 and brackets <= 0 and _level(line) > block.level - 2:
        return True
    return name[0].isupper() or last.endswith((".", ";", "}")) or "_" in name or last[-1:].isdigit()
