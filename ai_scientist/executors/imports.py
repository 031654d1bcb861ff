"""What a program imports before it does anything else: that much of it can be done ahead without a difference."""

import ast
import sys

from ai_scientist.parsing import NO_PYTHON, parse

# Packages that take long to import, and whose import depends on nothing but the environment.
PREPARED = ("torch", "numpy", "matplotlib", "scipy")


def first_imports(code: str) -> tuple[str, ...]:
    """The modules of PREPARED that are imported at the top, before any statement that is not an import like them.

    What follows a statement (it may set os.environ), or an import of a file beside it, does not count.
    """
    try:
        body = parse(code).body
    except NO_PYTHON:
        return ()
    found: list[str] = []
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # the docstring
        names = _imported(statement)
        if not names or not all(_package(name) in (*PREPARED, *sys.stdlib_module_names) for name in names):
            break
        found += [name for name in names if _package(name) in PREPARED]
    return tuple(dict.fromkeys(found))


def _imported(statement: ast.stmt) -> list[str]:
    """Every module that an import statement names or may mean; empty for another statement."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        return [statement.module, *(f"{statement.module}.{alias.name}" for alias in statement.names)]
    return []


def _package(name: str) -> str:
    return name.partition(".")[0]
