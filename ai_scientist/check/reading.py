"""What can be told of a template by reading it: files, JSON, ideas, prompt, settings, seals, paths in the code."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ai_scientist import plotting
from ai_scientist.check import Finding, error, warning
from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, not_utf8, read_text
from ai_scientist.idea import idea_of
from ai_scientist.parsing import NO_PYTHON, parse
from ai_scientist.study.folder import leading_out
from ai_scientist.template import CODE, IDEAS, SMOKE, Protected, Template, settings
from ai_scientist.yardstick.seal import seal

MAX_BYTES = 5_000_000
ABSOLUTE = re.compile(
    r"^(?:/(?:home|Users|root|data|datasets|mnt|media|scratch|opt|srv|var|workspace|content)/|~/|[A-Za-z]:\\)"
)
RATINGS = ("Interestingness", "Feasibility", "Novelty")


def read(folder: Path) -> list[Finding]:
    """Everything that is found without running anything."""
    strange = [
        error(str(path), 0, "own-files", 'leads out of the template; copy what it leads to, or name that in "data"')
        for path in leading_out(folder)
    ]
    return [*strange, *_code(folder), *_prompt(folder), *_all_ideas(folder), *_settings(folder)]


def _text(path: Path) -> str | Finding:
    if not path.exists():
        return error(str(path), 0, "files", "is not there; a template needs it")
    try:
        return read_text(path, MAX_BYTES)
    except UnreadableFile as problem:
        return error(str(path), 0, "files", f"{problem}; it must be a plain file")


def _code(folder: Path) -> Iterator[Finding]:
    for name in CODE:
        path = folder / name
        text = _text(path)
        if isinstance(text, Finding):
            yield text
            continue
        if line := not_utf8(path.read_bytes()):
            yield error(str(path), line, "encoding", "is not UTF-8, in which the agent edits; save the file as UTF-8")
        try:
            tree = parse(text)
        except NO_PYTHON as problem:
            yield error(str(path), getattr(problem, "lineno", 0) or 0, "syntax", f"is not valid Python: {problem}")
            continue
        yield from _paths(path, tree)
        if name == "plot.py" and "run_0" not in plotting.labels(text):
            yield error(str(path), 0, "labels", 'has no dict labels = {"run_0": "Baseline"} at the top; add it')
        if name == "experiment.py" and not any("--out_dir" in _code_of(it) for it in folder.glob("*.py")):
            yield error(
                str(path), 0, "out-dir", "does not speak of --out_dir; take it, and write final_info.json there"
            )


def _code_of(path: Path) -> str:
    text = _text(path)
    return text if isinstance(text, str) else ""


def _paths(path: Path, tree: ast.Module) -> Iterator[Finding]:
    declared = _declared(path.parent).data
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if ABSOLUTE.match(node.value) and not any(node.value.startswith(name) for name in declared):
                yield error(
                    str(path),
                    node.lineno,
                    "absolute-path",
                    f'"{node.value:.60}" is there on one machine only; ship it with the template, or name it in "data"',
                )
            elif node.value.startswith("../"):
                yield warning(
                    str(path),
                    node.lineno,
                    "outside-path",
                    f'"{node.value:.60}" lies outside the study; runs see it only if --data or "data" names it',
                )


def _json(path: Path) -> tuple[Any, str] | Finding:
    text = _text(path)
    if isinstance(text, Finding):
        return text
    try:
        return json.loads(text), text
    except json.JSONDecodeError as problem:
        return error(str(path), problem.lineno, "json", f"is not valid JSON: {problem.msg}")
    except (ValueError, RecursionError) as problem:
        return error(str(path), 0, "json", f"is not valid JSON: {problem}")


def _prompt(folder: Path) -> Iterator[Finding]:
    path = folder / "prompt.json"
    content = _json(path)
    if isinstance(content, Finding):
        yield content
        return
    for name in ("system", "task_description"):
        value = content[0].get(name) if isinstance(content[0], dict) else None
        if not isinstance(value, str) or not value.strip():
            yield error(str(path), 0, "prompt", f'needs a text in "{name}"')


def _all_ideas(folder: Path) -> Iterator[Finding]:
    paths = [folder / name for name in IDEAS if (folder / name).exists()]
    if not paths:
        yield error(
            str(folder / IDEAS[0]), 0, "files", f"neither {' nor '.join(IDEAS)} is there; write at least one idea"
        )
    for path in paths:
        content = _json(path)
        if isinstance(content, Finding):
            yield content
        elif not isinstance(content[0], list) or not content[0]:
            yield error(str(path), 0, "ideas", "must be a list of at least one idea")
        else:
            yield from _ideas(path, content[1])


def _ideas(path: Path, text: str) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for number, (line, entry) in enumerate(_entries(text), 1):
        try:
            idea = idea_of(entry, f"idea {number}")
        except UsageError as problem:
            yield error(str(path), line, "ideas", str(problem))
            continue
        if idea.name in seen:
            yield error(
                str(path), line, "ideas", f'the name "{idea.name}" is that of line {seen[idea.name]}; choose another'
            )
        seen.setdefault(idea.name, line)
        for field in RATINGS:
            rating = entry.get(field, 1)
            if not isinstance(rating, int | float) or not 1 <= rating <= 10:
                yield warning(str(path), line, "ratings", f'"{field}" of {idea.name} is not a number from 1 to 10')
        for name in idea.may_change:
            if why := _not_sealed(path.parent, name):
                yield error(str(path), line, "may-change", f'"may_change" of {idea.name} names {name}, {why}')


def _entries(text: str) -> Iterator[tuple[int, Any]]:
    """(line, entry) of each entry of a valid JSON list."""
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while (at := _next(text, at)) < len(text) and text[at] != "]":
        entry, end = decoder.raw_decode(text, at)
        yield text.count("\n", 0, at) + 1, entry
        at = end


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _not_sealed(folder: Path, name: str) -> str:
    protected = _declared(folder).protected
    return "" if name in (*protected.files, *protected.definitions) else "which template.toml does not protect"


def _declared(folder: Path) -> Template:
    """A template with what its template.toml says, as far as that can be read."""
    try:
        return Template(folder, "", "", **settings(tomllib.loads(read_text(folder / "template.toml", MAX_BYTES))))
    except (UnreadableFile, tomllib.TOMLDecodeError, ValidationError):
        return Template(folder, "", "")


def _settings(folder: Path) -> Iterator[Finding]:
    path = folder / "template.toml"
    if not path.exists():
        yield warning(str(path), 0, "settings", "is not there: no metric has a direction, and nothing is protected")
        return
    text = _text(path)
    if isinstance(text, Finding):
        yield text
        return
    try:
        found = settings(tomllib.loads(text))
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"at line (\d+)", str(problem))
        yield error(str(path), int(line[1]) if line else 0, "settings", f"is not valid TOML: {problem}")
        return
    except ValidationError as problem:
        for each in problem.errors():
            where = [str(part) for part in each["loc"]]
            message = (
                "is no setting; see docs/templates.md" if each["type"] == "unexpected_keyword_argument" else each["msg"]
            )
            yield error(str(path), _line(text, where), "settings", f"{'.'.join(where)}: {message}")
        return
    yield from _meaning(path, text, found)


def _meaning(path: Path, text: str, found: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with settings that have the right shape."""
    protected: Protected = found["protected"]
    if not protected.files and not protected.definitions:
        yield warning(str(path), 0, "protected", "protects nothing: name what measures the runs under [protected]")
    for name in (*protected.files, *protected.definitions):
        one = Protected(files=(name,)) if name in protected.files else Protected(definitions=(name,))
        try:
            seal(path.parent, one)
        except UsageError as problem:
            yield error(str(path), _line(text, [name]), "protected", str(problem).removeprefix(f"{path} "))
    for name in found["data"]:
        if not (path.parent / name).expanduser().exists():
            yield error(str(path), _line(text, ["data"]), "data", f"{name} does not exist; get it, or name where it is")
    if SMOKE not in found["profiles"]:
        yield warning(str(path), 0, "smoke", f"has no profile {SMOKE}: edits are tried only at their full length")


def _line(text: str, where: list[str]) -> int:
    """The line on which the innermost of the names stands, after those around it; 0 where it is not found."""
    at = 0
    for name in where:
        found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text[at:])
        at += found.start() if found else 0
    return text.count("\n", 0, at) + 1 if at or text.startswith(where[0]) else 0
