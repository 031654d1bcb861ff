"""Seals: protected files, and protected definitions of experiment.py, that no edit may change.

A definition is sealed as the syntax tree of every statement in the file that binds or changes its name: the definition
itself, and any second one, assignment, import, deletion, loop variable, parameter, `global`, attribute or item
assignment, mutating method call, setattr or globals() that names it or another name that it is given. Formatting,
comments and docstrings are free. What sealed definitions lean on is guarded too (leaning.py).

Not covered: a function that a sealed one calls, unless it is sealed too; a name that is made up at run time (exec,
`globals()["eval" + "uate"]`), and a caller that does something else with what is measured: those are flagged
(reaching.py).
"""

import ast
import copy
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.template import Protected
from ai_scientist.yardstick.leaning import leaning, touching
from ai_scientist.yardstick.syntax import binds, changes, is_target, parsed, renamed


@dataclass(frozen=True)
class Seal:
    """Name -> hash, of protected files, of protected definitions in experiment.py, and of what these lean on."""

    files: Mapping[str, str]
    definitions: Mapping[str, str]
    leaned: Mapping[str, str] = field(default_factory=dict)


NO_SEAL = Seal({}, {})
EXPERIMENT = "experiment.py"


def seal(folder: Path, protected: Protected) -> Seal:
    """The seal of a template's folder. Raises UsageError for a protected file or definition that is not there."""
    for name in protected.files:
        if not (folder / name).is_file():
            raise UsageError(f"{folder / 'template.toml'} protects the file {name}, which does not exist")
    tree = parsed(folder / EXPERIMENT)
    for name in protected.definitions:
        if tree is None or not list(_statements(tree, name)):
            raise UsageError(f"{folder / 'template.toml'} protects {name}, which experiment.py does not define")
    return Seal(
        {name: _file_hash(folder / name) for name in protected.files},
        {name: _fingerprint(tree, name) for name in protected.definitions if tree is not None},
        _leaned(tree, protected.definitions) if tree is not None else {},
    )


def _leaned(tree: ast.Module, names: Collection[str]) -> dict[str, str]:
    return leaning(tree, [statement for name in names for statement in _statements(tree, name)])


def broken(sealed: Seal, folder: Path, may_change: Collection[str] = ()) -> tuple[str, ...]:
    """What is no longer as it was sealed, each with why, in words for the agent.

    An experiment.py that is not Python is no break: it cannot run, and its run says so.
    """
    files = [
        f"the file {name} is changed"
        for name, before in sealed.files.items()
        if name not in may_change and _file_hash(folder / name) != before
    ]
    tree = parsed(folder / EXPERIMENT)
    definitions = [
        _why(tree, name)
        for name, before in sealed.definitions.items()
        if tree is not None and name not in may_change and _fingerprint(tree, name) != before
    ]
    now = touching(tree, sealed.leaned) if tree is not None else sealed.leaned
    leaned = [
        f"{name}, which sealed code uses, is bound anew or patched"
        for name, before in sealed.leaned.items()
        if now[name] != before and name not in may_change
    ]
    return (*files, *definitions, *sorted(leaned))


def _why(tree: ast.Module, name: str) -> str:
    statements = list(_statements(tree, name))
    if not statements:
        return f"{name} is gone"
    if len(statements) > 1:
        lines = ", ".join(str(getattr(statement, "lineno", "?")) for statement in statements)
        return f"{name} is changed, or bound again elsewhere (lines {lines})"
    return f"{name} is changed"


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else "missing"


def _fingerprint(tree: ast.Module | None, name: str) -> str:
    statements = list(_statements(tree, name)) if tree is not None else []
    top = set(tree.body) if tree is not None else set()
    # Whether it stands at the top matters: a definition moved into a function is no longer the one that is called.
    try:
        lines = [f"{statement in top} {_dump(statement)}" for statement in statements]
    except RecursionError:
        lines = ["too deep"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _dump(node: ast.AST) -> str:
    """The syntax tree as text, without positions and docstrings; of a parameter only its name."""
    if isinstance(node, ast.arg):
        return f"arg {node.arg}"
    bare = copy.deepcopy(node)
    for inner in ast.walk(bare):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and _is_docstring(inner.body[0]):
            inner.body = inner.body[1:] or [ast.Pass()]
    return ast.dump(bare)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _statements(tree: ast.Module, name: str) -> Iterator[ast.AST]:
    """Every node that binds or changes a name, outer before inner; of "Class.method" the methods of that class."""
    owner, _, method = name.rpartition(".")
    aliases = _aliases(tree, owner or name)
    for node in ast.walk(tree):
        if any(changes(node, alias) or _writes_to(node, alias) for alias in aliases):
            yield node
        if owner:
            if isinstance(node, ast.ClassDef) and node.name == owner:
                yield from (inner for inner in node.body if binds(inner, method))
            elif changes(node, owner, method):
                yield node
        elif binds(node, name) or changes(node, name, ""):
            yield node


def _aliases(tree: ast.Module, name: str) -> set[str]:
    """Other names that the very thing is given, also by way of others: `M = Measured`, `for M in [Measured]`."""
    given = [pair for node in ast.walk(tree) for pair in renamed(node)]
    known, before = {name}, 0
    while len(known) > before:
        before = len(known)
        known |= {other for other, sources in given if sources & known}
    return known - {name}


def _writes_to(node: ast.AST, name: str) -> bool:
    """Whether the node assigns to an attribute or item of what the name holds (not to the name itself)."""
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return is_target(node.value, name)
    return False
