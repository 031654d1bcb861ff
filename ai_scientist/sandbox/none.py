"""No sandbox, said out loud with --no-sandbox: runs get no keys, nothing outlives them, but they do as the user can."""

from collections.abc import Sequence

from ai_scientist.places import matplotlib_cache
from ai_scientist.sandbox import Confinement


class NoSandbox:
    """Runs commands as they are."""

    name = "none"
    init = False

    def describe(self) -> str:
        return "NONE (--no-sandbox): runs get no keys, and nothing outlives them, but they read and write as you can"

    def environment(self) -> dict[str, str]:
        return {"MPLCONFIGDIR": str(matplotlib_cache())}

    def wrap(self, arguments: Sequence[str], confinement: Confinement) -> list[str]:
        return list(arguments)
