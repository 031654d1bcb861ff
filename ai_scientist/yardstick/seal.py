"""Seals: protected files, and protected definitions of experiment.py, that no edit may change.

A definition is sealed as the syntax tree of every statement in the file that binds or changes its name: the definition
itself, and any second one, assignment, import, deletion, loop variable, parameter, `global`, attribute or item
assignment, mutating method call, setattr or globals() that names it. Formatting, comments and docstrings are free.

Not covered: a function that a sealed one calls, unless it is sealed too; a name that is made up at run time
(`globals()["eval" + "uate"]`, exec); a caller that does not use the sealed definition any more.
"""

import ast
import copy
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.template import Protected

MUTATORS = frozenset(
    (
        "append",
        "extend",
        "insert",
        "remove",
        "pop",
        "clear",
        "sort",
        "reverse",
        "add",
        "discard",
        "update",
        "setdefault",
    )
)


@dataclass(frozen=True)
class Seal:
    """Name -> hash, of protected files and of protected definitions in experiment.py."""

    files: Mapping[str, str]
    definitions: Mapping[str, str]


NO_SEAL = Seal({}, {})


def seal(folder: Path, protected: Protected) -> Seal:
    """The seal of a template's folder. Raises UsageError for a protected file or definition that is not there."""
    for name in protected.files:
        if not (folder / name).is_file():
            raise UsageError(f"{folder / 'template.toml'} protects the file {name}, which does not exist")
    tree = _tree(folder)
    for name in protected.definitions:
        if tree is None or not list(_statements(tree, name)):
            raise UsageError(f"{folder / 'template.toml'} protects {name}, which experiment.py does not define")
    return Seal(
        {name: _file_hash(folder / name) for name in protected.files},
        {name: _fingerprint(tree, name) for name in protected.definitions if tree is not None},
    )


def broken(sealed: Seal, folder: Path, may_change: Collection[str] = ()) -> tuple[str, ...]:
    """What is no longer as it was sealed, each with why, in words for the agent.

    An experiment.py that is not Python is no break: it cannot run, and its run says so.
    """
    files = [
        f"the file {name} is changed"
        for name, before in sealed.files.items()
        if name not in may_change and _file_hash(folder / name) != before
    ]
    tree = _tree(folder)
    definitions = [
        _why(tree, name)
        for name, before in sealed.definitions.items()
        if tree is not None and name not in may_change and _fingerprint(tree, name) != before
    ]
    return (*files, *definitions)


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


def _tree(folder: Path) -> ast.Module | None:
    try:
        return ast.parse((folder / "experiment.py").read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


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
    for node in ast.walk(tree):
        if owner:
            if isinstance(node, ast.ClassDef) and node.name == owner:
                yield from (inner for inner in node.body if _binds(inner, method))
            elif _changes(node, owner, method):
                yield node
        elif _binds(node, name) or _changes(node, name, ""):
            yield node


def _binds(node: ast.AST, name: str) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name == name
        case ast.Assign(targets=targets):
            return any(_is_target(target, name) for target in targets)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.NamedExpr(target=target):
            return _is_target(target, name)
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            return _is_target(target, name)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(item.optional_vars is not None and _is_target(item.optional_vars, name) for item in items)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return any((it.asname or it.name.partition(".")[0]) in (name, "*") for it in names)
        case ast.Delete(targets=targets):
            return any(_is_target(target, name) for target in targets)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return name in names
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            return node.name == name
        case ast.arg():
            return node.arg == name
    return False


def _is_target(target: ast.expr, name: str) -> bool:
    """Whether an assignment to this target binds the name, or an attribute or item of it."""
    match target:
        case ast.Name():
            return target.id == name
        case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
            return _is_target(value, name)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return any(_is_target(element, name) for element in elements)
    return False


def _changes(node: ast.AST, name: str, attribute: str) -> bool:
    """Whether a call changes the name: a mutating method, setattr or delattr on it, or globals()/vars() beside it."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and attribute:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(it, ast.Attribute) and it.attr == attribute and _is_target(it, name) for it in targets)
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)):
            return owner == name and method in MUTATORS
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *_]):
            return _is_target(first, name)
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars")), slice=ast.Constant(value=key)):
            return key == name
    return False
