"""Text that others wrote (models, papers, templates), made harmless to show, to store and to quote in a prompt."""

import unicodedata


def one_line(text: str, limit: int) -> str:
    """The text on one line, without control and format characters (terminal, bidi), at most `limit` long."""
    return _cut(" ".join(_visible(text).split()), limit)


def lines(text: str, limit: int) -> str:
    """The same with its line breaks."""
    return _cut(_visible(text.replace("\r\n", "\n")).strip(), limit)


def _visible(text: str) -> str:
    return "".join(
        char if char == "\n" else " " if char.isspace() else "" if unicodedata.category(char)[0] == "C" else char
        for char in text
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
