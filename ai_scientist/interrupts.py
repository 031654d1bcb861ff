"""Ctrl-C, SIGTERM and SIGHUP: one ends a study, and those that follow do not disturb its ending."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interrupt:
    """A handler that raises KeyboardInterrupt: at once, or when it is no longer held back."""

    def __init__(self) -> None:
        self.held = 0
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = self.held > 0
        if not self.held:
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
    handler = signal.getsignal(signal.SIGINT)
    if not isinstance(handler, _Interrupt) or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler.held += 1
    try:
        yield
    finally:
        handler.held -= 1
    if handler.came and not handler.held:
        handler.came = False
        raise KeyboardInterrupt


def no_more() -> None:
    """Ignore the signals from now on: the study is being brought to its end, and the process with it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
