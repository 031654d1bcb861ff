"""Make a template of your own, which runs in seconds; with --from, of a script that you have.

A script that takes --out_dir and writes final_info.json becomes experiment.py as it is. Any other one does too, with
two lines at its top by which adapter.py runs it once a seed and collects the metrics that it prints.
"""

import argparse
import ast
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, not_utf8, read_bytes, read_text
from ai_scientist.idea import NAME
from ai_scientist.parsing import NO_PYTHON, parse
from ai_scientist.places import SCAFFOLDING, TEMPLATES

MAX_BYTES = 2_000_000
CONTRACT = ("--out_dir", "final_info.json")
ADAPTED = """\
import adapter  # added by ai-scientist: runs this script once a seed, see adapter.py

adapter.once_a_seed(__file__)
"""
TAKE_SEED = """\
  take the seed:      seed = int(os.environ.get("SEED", 0)), and seed everything random with it
"""
NO_ARGUMENTS = """\
  need no arguments:  it is started without any; give each a default
"""
SAY_METRICS = """\
  print the metrics:  print(json.dumps({"loss": loss})) as its last line, or {"dataset": {"loss": loss}, ...}
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("name", metavar="NAME", help="the template's name, which becomes a folder's name")
    parser.add_argument("--from", dest="script", type=Path, metavar="EXPERIMENT.py", help="a script that you have")
    parser.add_argument(
        "--templates-dir", type=Path, default=Path("templates"), metavar="DIR", help="(default: templates)"
    )


def run(given: argparse.Namespace) -> int:
    """Make the folder, whole or not at all, and say what is next."""
    if not NAME.fullmatch(given.name):
        raise UsageError(f'"{given.name}" is no usable name: letters, digits, "_", "-" and "." only')
    files, remarks = _example(given.name) if given.script is None else _of_script(given.name, given.script)
    folder = given.templates_dir / given.name
    _write(folder, files)
    command = "python launch_scientist.py --list-ideas"
    if folder.parent.resolve() != TEMPLATES.resolve():
        command += f" --templates-dir {given.templates_dir}"
    sys.stdout.write(f"made {folder}: {', '.join(sorted(files))}\n{remarks}")
    sys.stdout.write(
        f"check it:  ai-scientist check {folder}\nits ideas: {command}\nwhat each file is: docs/templates.md\n"
    )
    return 0


def _example(name: str) -> tuple[dict[str, str], str]:
    values = {"name": name, "script": "", "purpose": "", "adapted": False}
    return _scaffold(values) | {"experiment.py": _render("experiment.py", values)}, ""


def _of_script(name: str, path: Path) -> tuple[dict[str, str], str]:
    """(the files, what the person must add)."""
    if not path.is_file():
        raise UsageError(f"--from {path}: there is no such file")
    try:
        if line := not_utf8(read_bytes(path, MAX_BYTES)):
            raise UsageError(f"--from {path}: line {line} is not UTF-8; save the script as UTF-8")
        code = read_text(path, MAX_BYTES).replace("\r\n", "\n")
        tree = parse(code)
    except UnreadableFile as error:
        raise UsageError(f"--from {path} {error}") from None
    except NO_PYTHON as error:
        raise UsageError(f"--from {path} is not valid Python: {error}") from None
    fits = all(word in code for word in CONTRACT)
    purpose = (ast.get_docstring(tree) or "").strip()
    files = _scaffold({"name": name, "script": path.name, "purpose": purpose, "adapted": not fits})
    if fits:
        return files | {
            "experiment.py": code
        }, f"{path.name} speaks of {' and '.join(CONTRACT)}: it is taken as it is\n"
    files |= {"experiment.py": _adapted(code, tree), "adapter.py": _render("adapter.py", {})}
    missing = _missing(code)
    return files, f"experiment.py must still, in your own code:\n{missing}" if missing else ""


def _missing(code: str) -> str:
    """What a script must be given, as far as its text tells."""
    return (
        (NO_ARGUMENTS if re.search(r"\bargparse\b|\bsys\.argv\b", code) else "")
        + (TAKE_SEED if "SEED" not in code else "")
        + (SAY_METRICS if not re.search(r"print\(\s*json\.dumps|metrics\.json", code) else "")
    )


def _adapted(code: str, tree: ast.Module) -> str:
    """The script with two lines after what must come first: its docstring and imports from __future__."""
    first = 0
    for number, statement in enumerate(tree.body):
        docstring = number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not docstring and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        first = statement.end_lineno or 0
    lines = code.splitlines(keepends=True)
    if first == 0:
        while first < len(lines) and lines[first].startswith("#"):
            first += 1
    return "".join([*lines[:first], "\n" * bool(first), ADAPTED, "\n", *lines[first:]])


def _scaffold(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _render(name, values) for name in ("plot.py", "prompt.json", "ideas.json", "template.toml")}


def _render(name: str, values: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(SCAFFOLDING),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return str(environment.get_template(f"{name}.j2").render(**values))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        for name, text in files.items():
            (temporary / name).write_text(text, encoding="utf-8")
        if folder.exists():
            raise UsageError(f"{folder} is there already: choose another name")
        temporary.rename(folder)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
