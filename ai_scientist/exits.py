"""From how a command ended to its exit code, the same for the launcher and every subcommand."""

import os
import sys
from collections.abc import Callable

from ai_scientist.errors import AIScientistError, UsageError
from ai_scientist.ideas.plain import lines
from ai_scientist.interrupts import no_more
from ai_scientist.secrets import mask

MAX_SAID = 20_000


def exit_code(program: str, work: Callable[[], int]) -> int:
    """The exit code of `work`, or, with one line on stderr, 2 for bad input and 1 for whatever else stopped it."""
    try:
        code = work()
        sys.stdout.flush()
    except AIScientistError as error:
        said = lines(mask(str(error)), MAX_SAID)  # a provider may quote the key, a template steer the terminal
        sys.stderr.write(f"{program}: {said}\n")
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        no_more()
        sys.stderr.write(f"{program}: interrupted\n")
        return 1
    except BrokenPipeError:  # whoever read the output has gone, `head` for instance
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
