"""A command's output on its way to the files: capped, and the whole lines of stdout handed on as they come."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ai_scientist.secrets import mask_written

CHUNK = 1 << 16
MAX_LINE = 10_000
MAX_LINES_A_CHUNK = 20


class Capture:
    """Writes what comes to two files; keys in them are masked at the end.

    `total` counts the bytes of both; past `limit` nothing more is written. Of a flood of lines only the last ones of
    each chunk are handed on: a screen cannot show more.
    """

    def __init__(self, stdout: Path, stderr: Path, limit: int | None, output: Callable[[str], None]) -> None:
        self._files: dict[str, BinaryIO] = {"stdout": stdout.open("w+b"), "stderr": stderr.open("w+b")}
        self._limit = limit
        self._output = output
        self._rest = b""
        self.total = 0

    def __enter__(self) -> "Capture":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):
                mask_written(file)
            with contextlib.suppress(OSError):
                file.close()

    @property
    def over(self) -> bool:
        """Whether the limit is passed."""
        return self._limit is not None and self.total > self._limit

    def read(self, descriptor: int, stream: str) -> bool:
        """Take what is there on a descriptor; False at its end. Raises OSError where a file cannot be written."""
        data = os.read(descriptor, CHUNK)
        room = len(data) if self._limit is None else max(0, self._limit - self.total)
        self.total += len(data)
        self._files[stream].write(data[:room])
        self._files[stream].flush()
        if stream == "stdout" and room:
            self._hand_on(data)
        return bool(data)

    def _hand_on(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:MAX_LINE]
        for line in lines[-MAX_LINES_A_CHUNK:]:
            self._output(line[:MAX_LINE].decode("utf-8", errors="replace").rstrip("\r"))
