"""Python's parser for code that nobody has read: by one thread at a time.

CPython 3.11 and 3.12 count the depth of all syntax trees that they build in one place. Two threads that parse
at once disturb each other, and sound code ends in a SystemError (gh-106905). The report is written in a
thread of its own, so that this happens.
"""

import ast
import threading

# What Python's parser raises for text that is no Python, or is nested deeper than it can read.
NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
ONE_AT_A_TIME = threading.Lock()


def parse(code: str | bytes) -> ast.Module:
    """The syntax tree of the code; it is never run. Raises one of NO_PYTHON."""
    with ONE_AT_A_TIME:
        return ast.parse(code)
