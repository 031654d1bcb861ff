"""Whether a template keeps the contract of docs/templates.md: a linter that reads it, and tries it in the sandbox."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What is wrong and what to do about it. `line` is 0 where it is about the whole file; `rule` is for filters."""

    severity: Literal["error", "warning"]
    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.severity}: {self.message} [{self.rule}]"


def error(file: str, line: int, rule: str, message: str) -> Finding:
    """A breach of the contract."""
    return Finding("error", file, line, rule, message)


def warning(file: str, line: int, rule: str, message: str) -> Finding:
    """What works, but less well than it could."""
    return Finding("warning", file, line, rule, message)
