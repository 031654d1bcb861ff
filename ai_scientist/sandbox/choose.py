"""Which sandbox is in force: the strongest that works here, tried for real."""

import tempfile
from functools import cache
from pathlib import Path

from ai_scientist.errors import MachineError
from ai_scientist.sandbox import Sandbox, bubblewrap, landlock
from ai_scientist.sandbox.none import NoSandbox


def choose(*, allow_none: bool) -> Sandbox:
    """The sandbox for this machine; none at all only where that is asked for. Raises MachineError where none works."""
    if allow_none:
        return NoSandbox()
    if _bubblewrap_works():
        return bubblewrap.Bubblewrap()
    if _landlock_works():
        return landlock.Landlock()
    raise MachineError(
        "no sandbox works here: neither bubblewrap (Debian, Ubuntu: sudo apt install bubblewrap) nor Landlock with "
        "libseccomp (Linux 5.13 or later). To run model-written code without a sandbox all the same, say --no-sandbox."
    )


@cache
def _bubblewrap_works() -> bool:
    return bubblewrap.works()


@cache
def _landlock_works() -> bool:
    with tempfile.TemporaryDirectory() as place:
        return landlock.works(Path(place).resolve())
