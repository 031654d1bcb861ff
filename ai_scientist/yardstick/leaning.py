"""What sealed definitions lean on: the imports and builtins that they use, which no edit may bind anew or patch.

`np.mean = ...`, `def sum(...)` or `import cheat as nn` change an evaluation as much as an edit of it would. Attributes
of a module that no sealed definition uses stay free, `torch.backends` among them. Functions and constants of
experiment.py itself are not guarded: a sealed loop may well call what is there to be changed.
"""

import ast
import builtins
import hashlib
from collections.abc import Collection, Iterator

from ai_scientist.yardstick.syntax import chain, imports, outside_functions, written

Chain = tuple[str, ...]


def leaning(tree: ast.Module, sealed: Collection[ast.AST]) -> dict[str, str]:
    """What the sealed statements use, "nn.functional.cross_entropy" or "sum" -> a hash of all that touches it."""
    known = {name for name, _ in imports(tree)} | set(dir(builtins))
    used = {it for statement in sealed for it in _used(statement) if it[0] in known}
    return touching(tree, [".".join(it) for it in used])


def touching(tree: ast.Module, names: Collection[str]) -> dict[str, str]:
    """Name -> a hash of every statement that binds or patches it, or what it is an attribute of."""
    bound = [(name, text) for node in outside_functions(tree) for name, text in _bound(node)]
    bound += [(name, "global") for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names]
    meanings = set(imports(tree))
    patched = [(_without_builtins(target), ast.dump(node)) for target, node in written(tree)]
    found = {}
    for name in names:
        used = tuple(name.split("."))
        lines = [text for other, text in bound if other == used[0]]
        lines += sorted(meaning for other, meaning in meanings if other in (used[0], "*"))
        lines += [text for target, text in patched if target and target == used[: len(target)]]
        found[name] = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return found


def _used(statement: ast.AST) -> Iterator[Chain]:
    """The longest chains of names that a statement reads; annotations are only words, its own variables its own."""
    words = {id(inner) for node in ast.walk(statement) for part in _annotations(node) for inner in ast.walk(part)}
    inside = {id(node.value) for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    own = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    for node in ast.walk(statement):
        if id(node) not in words and id(node) not in inside and (used := chain(node)) and used[0] not in own:
            yield used


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    for field in ("annotation", "returns"):
        part = getattr(node, field, None)
        if part is not None:
            yield part


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(name, statement) of the names that a node binds by itself; imports are compared by what they mean."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name, "name"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, ast.dump(node)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, "name"
        case ast.MatchMapping(rest=str(name)):
            yield name, "name"


def _without_builtins(target: Chain) -> Chain:
    return target[1:] if target[:1] in (("builtins",), ("__builtins__",)) else target
