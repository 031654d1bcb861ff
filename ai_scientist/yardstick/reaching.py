"""Code that reaches around a seal: flagged, not forbidden, since each can have a good reason.

All of it is judged by what is new since the baseline: reflection, patches of imported modules, subclasses of what is
sealed, other arguments for it, other random seeds, held-out data or metrics in the hands of other code.
"""

import ast
import re
from collections.abc import Collection, Iterator

from ai_scientist.parsing import NO_PYTHON, parse
from ai_scientist.yardstick.syntax import chain, imports, written

MAX_EXAMPLES = 3
# Ways to change a name, a module or the end of the process that cannot be seen in the code as such.
REFLECTION = frozenset(
    (
        *("exec", "eval", "compile", "__import__", "importlib", "globals", "vars", "modules", "__main__"),
        *("builtins", "__builtins__", "__code__", "__globals__", "__dict__", "__class__", "__bases__"),
        *("__subclasses__", "gc", "inspect", "ctypes", "FunctionType", "CodeType", "mock"),
        *("atexit", "settrace", "setprofile", "_exit"),
    )
)
RESULTS = "final_info"
HELD_OUT = re.compile(r"(?:^|_)(?:val|valid|validation|test|held_?out)(?:_|$)", re.IGNORECASE)
SEEDING = frozenset(("seed", "manual_seed", "manual_seed_all", "default_rng", "Random", "RandomState", "PRNGKey"))
# Switches that are meant to be assigned.
FREE_PATCHES = (("torch", "backends"),)


def around(before: str, after: str, sealed: Collection[str], metrics: Collection[str]) -> tuple[str, ...]:
    """What `after` does around the sealed definitions, in words; nothing where one of the two is no Python."""
    try:
        old, new = _Code(parse(before), sealed), _Code(parse(after), sealed)
    except NO_PYTHON:
        return ()
    said = [
        *_new("it reaches into the running program by {}", old.reflection(), new.reflection()),
        *_new("it replaces {} of an imported module", old.patches(), new.patches()),
    ]
    if old.is_sealed:
        said += [
            *_new("it derives from {}, which is sealed", old.derived(), new.derived()),
            *_new("what is sealed is called in another way: {}", old.calls(), new.calls()),
            *_new("only a part of what is sealed is used: {}", old.parts(), new.parts()),
            *_new("random seeds are set in another way: {}", old.seeding(), new.seeding()),
            *_new("{}, held-out data, is used outside of what measures", old.held_out(), new.held_out()),
        ]
        if not old.touched(metrics):
            said += _new("the metric {} is set outside of what measures", frozenset(), new.touched(metrics))
    return tuple(said)


def _new(said: str, old: frozenset[str], new: frozenset[str]) -> list[str]:
    fresh = sorted(new - old)
    return [said.format(", ".join(fresh[:MAX_EXAMPLES]))] if fresh else []


class _Code:
    """Questions about one version of the code; `_free` are the nodes outside of the sealed definitions."""

    def __init__(self, tree: ast.Module, sealed: Collection[str]) -> None:
        self._tree = tree
        self._sealed = frozenset(name.partition(".")[0] for name in sealed)
        self._definitions = [node for node in ast.walk(tree) if getattr(node, "name", None) in self._sealed]
        inside = {id(inner) for node in self._definitions for inner in ast.walk(node)}
        inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)} & _constants(tree)
        self._free = [node for node in ast.walk(tree) if id(node) not in inside]

    @property
    def is_sealed(self) -> bool:
        return bool(self._definitions)

    def reflection(self) -> frozenset[str]:
        texts = [node.value for node in self._free if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        names = {name for node in self._free for name in _words(node)}
        return frozenset(names & REFLECTION) | frozenset(f'"{text:.60}"' for text in texts if RESULTS in text)

    def patches(self) -> frozenset[str]:
        imported = {name for name, _ in imports(self._tree)}
        targets = {target for target, _ in written(self._tree) if target and target[0] in imported}
        return frozenset(".".join(it) for it in targets if it[:2] not in FREE_PATCHES)

    def derived(self) -> frozenset[str]:
        bases = [base for node in self._free if isinstance(node, ast.ClassDef) for base in node.bases]
        made = [call.args[1] for call in self._calls() if _called(call) == "type" and len(call.args) > 1]
        names = {inner.id for part in (*bases, *made) for inner in ast.walk(part) if isinstance(inner, ast.Name)}
        return frozenset(names & self._sealed)

    def calls(self) -> frozenset[str]:
        methods = {
            inner.name
            for node in self._definitions
            if isinstance(node, ast.ClassDef)
            for inner in node.body
            if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
        }
        return frozenset(
            ast.unparse(call)
            for call in self._calls()
            if _called(call) in (self._sealed if isinstance(call.func, ast.Name) else methods)
        )

    def parts(self) -> frozenset[str]:
        cuts = [node for node in self._free if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)]
        return frozenset(ast.unparse(it) for it in cuts if chain(it.value)[:1] and chain(it.value)[0] in self._sealed)

    def seeding(self) -> frozenset[str]:
        return frozenset(ast.unparse(call) for call in self._calls() if _called(call) in SEEDING)

    def _calls(self) -> list[ast.Call]:
        return [node for node in self._free if isinstance(node, ast.Call)]

    def held_out(self) -> frozenset[str]:
        """Fields of sealed classes that are named as held-out data, where other code reads them."""
        fields = {
            inner.target.id
            for node in self._definitions
            for inner in ast.walk(node)
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name)
        }
        read = {node.attr for node in self._free if isinstance(node, ast.Attribute)}
        return frozenset(name for name in read & fields if HELD_OUT.search(name))

    def touched(self, metrics: Collection[str]) -> frozenset[str]:
        """Metrics that are assigned, deleted, or given as keyword or key outside of the sealed definitions."""
        found = {name.removesuffix("_mean") for node in self._free for name in _set(node)}
        return frozenset(found.intersection(metrics))


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (part for it in names for part in it.name.split("."))
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from node.module.split(".")


def _set(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Store() | ast.Del()):
            yield name
        case ast.keyword(arg=str(name)):
            yield name
        case ast.Dict(keys=keys):
            yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _constants(tree: ast.AST) -> set[int]:
    return {id(node) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
