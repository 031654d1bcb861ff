"""Imported by an experiment's interpreter as it starts, while a template is checked: notes attempts to use a network.

A line an attempt goes to the file AI_SCIENTIST_WATCH: the script's line from which it came, and what was wanted. Unix
sockets are no network. Not seen: connections that libraries make without Python's socket module.
"""

import contextlib
import os
import sys
from types import FrameType
from typing import Any

WATCHED = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in WATCHED:
        return
    wanted = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
    if event in ("socket.connect", "socket.sendto") and not isinstance(wanted, tuple):
        return
    frame: FrameType | None = sys._getframe()
    while frame and os.path.basename(frame.f_code.co_filename) not in ("experiment.py", "plot.py"):  # noqa: PTH119
        frame = frame.f_back
    with contextlib.suppress(OSError), open(os.environ["AI_SCIENTIST_WATCH"], "a") as file:  # noqa: PTH123
        file.write(f"{frame.f_lineno if frame else 0} {wanted!r:.100}\n")


if "AI_SCIENTIST_WATCH" in os.environ:
    sys.addaudithook(watch)
