"""Which sandbox is in force: the strongest that works here, tried for real."""

from functools import cache

from ai_scientist.errors import MachineError
from ai_scientist.sandbox import Sandbox, bubblewrap
from ai_scientist.sandbox.none import NoSandbox


def choose(*, allow_none: bool) -> Sandbox:
    """The sandbox for this machine; none at all only where that is asked for. Raises MachineError where none works."""
    if allow_none:
        return NoSandbox()
    if _bubblewrap_works():
        return bubblewrap.Bubblewrap()
    raise MachineError(
        "no sandbox works here. Install bubblewrap (Debian, Ubuntu: sudo apt install bubblewrap). In a container that "
        "does not allow name spaces, or to run model-written code without a sandbox all the same, say --no-sandbox."
    )


@cache
def _bubblewrap_works() -> bool:
    return bubblewrap.works()
