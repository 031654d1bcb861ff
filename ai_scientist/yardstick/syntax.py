"""Questions about the syntax tree of experiment.py: which statements bind or change a name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from ai_scientist.parsing import NO_PYTHON, parse

MUTATORS = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "appendleft", "extendleft"),
        *("add", "discard", "update", "setdefault", "popitem", "popleft", "rotate", "move_to_end", "subtract"),
        *("difference_update", "intersection_update", "symmetric_difference_update"),
        *("__setitem__", "__delitem__", "__iadd__", "__isub__", "__imul__", "__ior__", "__iand__", "__ixor__"),
        *("fill", "itemset", "resize", "partition", "byteswap", "setflags"),  # of arrays
    )
)
# Types and modules whose functions change what they are given first: dict.update(TABLE, a=1), random.shuffle(DATA).
OWNERS = frozenset(("dict", "list", "set", "bytearray", "deque", "Counter", "OrderedDict", "defaultdict", "ndarray"))
IN_PLACE = frozenset(("setitem", "delitem", "iadd", "ior", "imul", "isub", "copyto", "putmask", "shuffle"))


def parsed(path: Path) -> ast.Module | None:
    """The syntax tree of a file; None where it is no Python, or deeper than can be read."""
    try:
        return parse(path.read_bytes())
    except (OSError, *NO_PYTHON):
        return None


def binds(node: ast.AST, name: str) -> bool:
    """Whether this very node binds the name, or an attribute or item of it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name == name
        case ast.Assign(targets=targets):
            return any(is_target(target, name) for target in targets)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.NamedExpr(target=target):
            return is_target(target, name)
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            return is_target(target, name)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(item.optional_vars is not None and is_target(item.optional_vars, name) for item in items)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return any((it.asname or it.name.partition(".")[0]) in (name, "*") for it in names)
        case ast.Delete(targets=targets):
            return any(is_target(target, name) for target in targets)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return name in names
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            return node.name == name
        case ast.MatchMapping():
            return node.rest == name
        case ast.arg():
            return node.arg == name
    return False


def is_target(target: ast.expr, name: str) -> bool:
    """Whether an assignment to this target binds the name, or an attribute or item of it."""
    match target:
        case ast.Name():
            return target.id == name
        case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
            return is_target(value, name)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return any(is_target(element, name) for element in elements)
        case ast.NamedExpr(value=inner):
            return is_target(inner, name)
        case ast.IfExp(body=body, orelse=other):
            return is_target(body, name) or is_target(other, name)
    return False


def changes(node: ast.AST, name: str, attribute: str = "") -> bool:
    """Whether this very node changes what the name holds: by a mutating method or function, as `out` of one, by setattr
    or delattr on it or with its name, `__setattr__` of any type, an item of globals() or vars().

    With `attribute`: by an assignment to that, too.
    """
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and attribute:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(it, ast.Attribute) and it.attr == attribute and is_target(it, name) for it in targets)
    match node:
        case ast.Call(func=ast.Attribute(attr="__setattr__" | "__delattr__"), args=[first, *_]):
            return is_target(first, name)
        case ast.Call(keywords=keywords) if any(it.arg == "out" and is_target(it.value, name) for it in keywords):
            return True
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=arguments):
            if is_target(owner, name):
                return method in MUTATORS or (method.endswith("_") and not method.endswith("__"))  # torch: zero_()
            in_place = method in IN_PLACE or (method in MUTATORS and chain(owner)[-1:] and chain(owner)[-1] in OWNERS)
            return bool(in_place and arguments and is_target(arguments[0], name))
        case ast.Call(func=ast.Name(id=function), args=[first, *_]) if function in IN_PLACE:
            return is_target(first, name)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, second, *_]):
            return is_target(first, name) or (isinstance(second, ast.Constant) and second.value == name)
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars")), slice=ast.Constant(value=key)):
            return key == name
    return False


def renamed(node: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """(new name, names of which it may hold the very thing) of an assignment, or a loop over things that are listed."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from (pair for target in targets for pair in _matched(target, value))
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield from _matched(target, value)
        case (
            ast.For(target=target, iter=ast.Tuple(elts=elements) | ast.List(elts=elements))
            | ast.comprehension(target=target, iter=ast.Tuple(elts=elements) | ast.List(elts=elements))
        ):
            yield from (pair for element in elements for pair in _matched(target, element))


def _matched(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, set[str]]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, _very(value)
        case ((ast.Tuple(elts=names) | ast.List(elts=names)), (ast.Tuple(elts=values) | ast.List(elts=values))):
            for one, other in zip(names, values, strict=False):
                yield from _matched(one, other)


def _very(value: ast.expr) -> set[str]:
    """The names of which the value may be the very thing, not a new one."""
    match value:
        case ast.Name(id=name):
            return {name}
        case ast.NamedExpr(value=inner):
            return _very(inner)
        case ast.IfExp(body=body, orelse=other):
            return _very(body) | _very(other)
        case ast.BoolOp(values=values):
            return {name for inner in values for name in _very(inner)}
    return set()


def chain(node: ast.AST) -> tuple[str, ...]:
    """("np", "random", "rand") of `np.random.rand`; empty where it is not such a chain of names."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=attribute):
            before = chain(value)
            return (*before, attribute) if before else ()
    return ()


def written(tree: ast.AST) -> Iterator[tuple[tuple[str, ...], ast.AST]]:
    """(chain, node) of every attribute that is assigned or deleted in the code, setattr with a constant included."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                yield chain(node), node
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, ast.Constant(value=str(name)), *_]):
                before = chain(first)
                yield ((*before, name) if before else ()), node


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(name, what it stands for) of everything that the code imports anywhere: ("np", "numpy"), ("nn", "torch.nn")."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((it.asname or it.name.partition(".")[0], it.name if it.asname else "") for it in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                where = "." * level + (module or "")
                yield from ((it.asname or it.name, f"{where}.{it.name}") for it in names)


def outside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node of the module's own scope; functions, classes and lambdas are named, but not entered."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
