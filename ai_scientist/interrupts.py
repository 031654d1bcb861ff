"""Ctrl-C, SIGTERM and SIGHUP: one ends a study, and those that follow do not disturb its ending.

A terminal, a batch and an impatient person send several signals and mean one interruption. A second KeyboardInterrupt
would come amid the code that is just about to write down the first.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_SECONDS = 10.0  # signals so soon after one that was raised are the same interruption: ending a run takes a while
IMPORTING, IMPORT_SECONDS = "<frozen importlib", 0.02


class _Interrupt:
    """A handler that raises KeyboardInterrupt: at once, or when it is no longer held back; one for signals together."""

    def __init__(self) -> None:
        self.held = 0
        self.came = False
        self.raised: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.held:
            self.came = True
        elif frame and frame.f_code.co_filename.startswith(IMPORTING):
            # Raised here it could leave the lock of all imports taken for ever, which CPython takes just before a try.
            threading.Timer(IMPORT_SECONDS, os.kill, (os.getpid(), number)).start()
        elif self.raised is None or time.monotonic() > self.raised + SAME_SECONDS:
            self.interrupt()

    def interrupt(self) -> NoReturn:
        self.came = False
        self.raised = time.monotonic()
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this, each of the signals raises KeyboardInterrupt."""
    handler = _Interrupt()
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, earlier)


@contextmanager
def held_back() -> Iterator[None]:
    """What must not be done by halves: a signal that comes within this raises KeyboardInterrupt at its end."""
    handler = _handler()
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler.held += 1
    try:
        yield
    finally:
        handler.held -= 1
    if handler.came and not handler.held:
        handler.came = False
        handler(signal.SIGINT, None)


def interrupt() -> NoReturn:
    """Be interrupted by something else than a signal; signals that follow are the same interruption."""
    if (handler := _handler()) is not None:
        handler.interrupt()
    raise KeyboardInterrupt


def not_swallowed() -> None:
    """Raise KeyboardInterrupt again where code of others may have taken one for its own."""
    if (handler := _handler()) is not None and handler.raised is not None:
        handler.interrupt()


def no_more() -> None:
    """Ignore the signals from now on: the study is being brought to its end, and the process with it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _handler() -> _Interrupt | None:
    handler = signal.getsignal(signal.SIGINT)
    return handler if isinstance(handler, _Interrupt) else None
