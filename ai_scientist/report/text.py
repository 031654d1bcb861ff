"""Text of others before it stands on a page: nothing that steers a terminal or turns writing, nothing endless."""

import re

# Escape sequences, control characters but tab and line feed, and the marks that change the direction of writing.
_CONTROL = re.compile(
    "\x1b(?:\\[[0-9;:?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.)"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)


def plain(text: str) -> str:
    """The text without escape sequences, control characters and marks of direction."""
    return _CONTROL.sub("", text)


def beginning_and_end(text: str, most: int, where: str) -> str:
    """At most about `most` characters; what is left out in the middle is said, and where the whole is."""
    if len(text) <= most:
        return text
    half = most // 2
    said = f"\n[... {len(text) - 2 * half:,} characters left out here; {where} has them ...]\n"
    return text[:half] + said + (text[-half:] if half else "")


def last_lines(text: str, lines: int, most: int) -> str:
    """The last lines of an output, at most `most` characters; what a carriage return overwrote is left out."""
    kept = [line.rsplit("\r", 1)[-1] for line in text.rstrip().replace("\r\n", "\n").split("\n")]
    found = "\n".join(kept[-lines:])
    return found[-most:] if most else ""
