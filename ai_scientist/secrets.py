"""The values of keys and tokens in our environment, masked wherever text is kept or shown."""

import mmap
import os
import re
from collections.abc import Mapping
from typing import BinaryIO

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_MIN_LENGTH = 8  # shorter values ("none", "1") would mask ordinary words
MASK = "[masked]"


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without keys and tokens, for programs that have no use for them; those of pip and uv stay."""
    return {name: it for name, it in environment.items() if name.startswith(("PIP_", "UV_")) or not _NAMES.search(name)}


def mask(text: str) -> str:
    """The text without the values of this process's keys and tokens."""
    for value in _values():
        text = text.replace(value, MASK)
    return text


def mask_written(file: BinaryIO) -> None:
    """Overwrite those values in a file that is open for reading and writing, in place: it may be larger than memory."""
    file.flush()
    if not os.fstat(file.fileno()).st_size:
        return
    with mmap.mmap(file.fileno(), 0) as content:
        for value in map(str.encode, _values()):
            at = content.find(value)
            while at >= 0:
                content[at : at + len(value)] = b"*" * len(value)
                at = content.find(value, at)


def _values() -> list[str]:
    values = [value for name, value in os.environ.items() if _NAMES.search(name) and len(value) >= _MIN_LENGTH]
    return sorted(values, key=len, reverse=True)
