"""What takes seconds to import, imported beside other work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ai_scientist import compare
from ai_scientist.agents.aider_agent import AiderAgent


def load() -> None:
    """Import aider, with litellm, and scipy."""
    AiderAgent.preload()
    compare.preload()


@contextmanager
def loading() -> Iterator[None]:
    """Within this they are imported by a thread. No daemon: a process must not end amid an import."""
    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield
    finally:
        thread.join()
