"""What can be told of plot.py without running it: the runs in its `labels` dict."""

import ast
import re
from pathlib import Path

from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.parsing import NO_PYTHON, parse

MAX_BYTES = 5_000_000


def labels(code: str) -> dict[str, str]:
    """The last top-level `labels = {...}` of plot.py as a dict of texts; empty where there is none that can be read.

    The code is parsed, never run; entries that are not plain texts are passed over.
    """
    try:
        tree = parse(code)
    except NO_PYTHON:
        return {}
    found: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name("labels")], value=ast.Dict() as value):
                found = _texts(value)
            case ast.AnnAssign(target=ast.Name("labels"), value=ast.Dict() as value):
                found = _texts(value)
            case ast.Assign(targets=[ast.Subscript(ast.Name("labels"), ast.Constant(str(key)))]):
                found[key] = ast.unparse(node.value)
    return found


def run_names(plot: Path) -> dict[int, str]:
    """What plot.py calls each run: run number -> its label; empty where the file cannot be read."""
    try:
        named = labels(read_text(plot, MAX_BYTES))
    except UnreadableFile:
        return {}
    return {int(run.removeprefix("run_")): text for run, text in named.items() if re.fullmatch(r"run_\d{1,9}", run)}


def _texts(value: ast.Dict) -> dict[str, str]:
    pairs = zip(value.keys, value.values, strict=True)
    return {
        key.value: text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ast.unparse(text)
        for key, text in pairs
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
