"""The interpreter that runs a template's scripts, and the virtual environment that its requirements.txt asks for.

An environment is made once, by uv or else by venv and pip, and kept in the user's cache under a hash of the
requirements and the interpreter. It is made in place, since its scripts know where they lie; a marker that is written
last says that it is whole, and a lock lets one process make it while others wait. This happens outside the sandbox:
installing a package can run its code.
"""

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ai_scientist.errors import MachineError, UsageError
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.files import UnreadableFile, read_text, tail, write_text
from ai_scientist.ideas.plain import one_line
from ai_scientist.lab import Command, Limits
from ai_scientist.places import environments
from ai_scientist.secrets import variables, without_keys
from ai_scientist.template import Template

MAX_BYTES = 1_000_000
INSTALL_SECONDS = 3600.0
LINES_SHOWN = 15
_FURTHER = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]\s*(\S+)", re.MULTILINE)
_ABOUT = "import platform, sys; print(sys.version, platform.machine(), sys.base_prefix)"
_WHOLE = "whole.json"


def interpreter_for(template: Template, given: str | None, say: Callable[[str], None]) -> str:
    """The interpreter of a template: the one `given`, else the template's own environment, else the one it names.

    Raises UsageError where there is no such interpreter, MachineError where its packages cannot be installed.
    """
    if given:
        return interpreter(given, "--python")
    base = _named(template) if template.python else sys.executable
    requirements = template.folder / "requirements.txt"
    return _environment(requirements, base, say) if requirements.is_file() else interpreter(base, "this Python")


def interpreter_again(
    recorded: str, given: str | None, study: Template, own: Template | None, say: Callable[[str], None]
) -> str:
    """The interpreter that a study goes on with: its folder may be another's, and must not choose what is started here.

    The one `given`; else the recorded one, where it is this Python, one of the environments made here, or what the
    user's `own` template of that name asks for, too. Raises UsageError for any other.
    """
    if given:
        return interpreter(given, "--python")
    if is_ours(recorded) and Path(recorded).exists():
        return recorded
    trusted = study if _needs(study) == ("", "") else own if own and _needs(own) == _needs(study) else None
    if trusted is not None:
        found = interpreter_for(trusted, None, say)
        if found == recorded or not Path(recorded).exists():
            return found
    raise UsageError(
        f"{study.folder} was run by {one_line(recorded, 300)}, which is neither this Python nor what a template of "
        f"yours asks for, and the folder may be another's: name the interpreter to go on with by --python"
    )


def is_ours(python: str) -> bool:
    """Whether it is this Python, or that of an environment that was made here."""
    ours = environments() / key_of(python) / "bin" / "python"
    return python == str(Path(sys.executable).absolute()) or (key_of(python) not in ("", "..") and python == str(ours))


def _needs(template: Template) -> tuple[str, str]:
    """(the interpreter that a template names, its requirements)."""
    requirements = template.folder / "requirements.txt"
    return template.python, _text(requirements) if requirements.is_file() else ""


def interpreter(name: str, source: str) -> str:
    """The interpreter's whole path. Raises UsageError, which begins with `source`, where there is none."""
    found = shutil.which(name)
    if found is None:
        raise UsageError(f"{source} {name}: there is no such program")
    return str(Path(found).absolute())  # not resolved: a virtual environment is known by the link's place


def key_of(python: str) -> str:
    """The key of the environment that an interpreter belongs to, "" where it is none of ours."""
    folder = Path(python).parent.parent
    return folder.name if folder.parent == environments() else ""


def _named(template: Template) -> str:
    """The interpreter that template.toml names: not one of its own folder, which would be run outside the sandbox."""
    source = f"python in {template.folder / 'template.toml'}:"
    found = interpreter(str(Path(template.python).expanduser()), source)
    if Path(found).parent.resolve().is_relative_to(template.folder.resolve()):
        raise UsageError(f"{source} {template.python} lies in the template; name one outside it, or say --python")
    return found


def _environment(requirements: Path, base: str, say: Callable[[str], None]) -> str:
    place = environments() / _key(requirements, base)
    python = str(place / "bin" / "python")
    with _locked(place, say):
        if not (place / _WHOLE).is_file():
            _make(place, requirements, base, say)
    return python


def _key(requirements: Path, base: str) -> str:
    """A hash of the interpreter and of the requirements with the files that they name."""
    done = subprocess.run([base, "-I", "-c", _ABOUT], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{base} is no working Python: {done.stderr.strip()[-200:]}")
    text = _text(requirements)
    further = [requirements.parent / name for name in _FURTHER.findall(text)]
    parts = [done.stdout, text, *(_text(path) for path in further if path.is_file())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _text(path: Path) -> str:
    try:
        return read_text(path, MAX_BYTES)
    except UnreadableFile as error:
        raise UsageError(f"{path} {error}") from None


@contextlib.contextmanager
def _locked(place: Path, say: Callable[[str], None]) -> Iterator[None]:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is making {place}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(place: Path, requirements: Path, base: str, say: Callable[[str], None]) -> None:
    say(
        f"The packages of {requirements} are installed into {place}, once, OUTSIDE THE SANDBOX, with your rights "
        f"and the network. (--python PATH takes an interpreter of yours instead.)"
    )
    shutil.rmtree(place, ignore_errors=True)  # half of one, of a process that was killed
    python = str(place / "bin" / "python")
    uv = shutil.which("uv")
    if uv:
        commands = [[uv, "venv", "--python", base, str(place)], [uv, "pip", "install", "--python", python]]
    else:
        pip = [python, "-I", "-m", "pip", "install", "--disable-pip-version-check"]
        commands = [[base, "-I", "-m", "venv", str(place)], pip]  # -I: nothing of the template is imported
    commands[-1] += ["-r", str(requirements.absolute())]
    for command in commands:
        _run(command, requirements, place)
    write_text(place / _WHOLE, json.dumps({"requirements": _text(requirements), "base": base}))


def _run(command: list[str], requirements: Path, place: Path) -> None:
    logs = place.with_name(f"{place.name}.out.log"), place.with_name(f"{place.name}.err.log")
    inherited = {name: it for name, it in without_keys(variables()).items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    todo = Command(command, requirements.parent.absolute(), inherited, *logs)
    done = LocalExecutor().run(todo, Limits(INSTALL_SECONDS), lambda _: None, lambda _: None)
    if done.reason == "exited" and not done.code:
        return
    shutil.rmtree(place, ignore_errors=True)
    from ai_scientist.console.screens import clean  # rich, for the case that is rare

    said = "\n".join(clean("".join(map(tail, logs))).splitlines()[-LINES_SHOWN:])
    why = f"exit code {done.code}" if done.reason == "exited" else done.detail
    raise MachineError(
        f"the packages of {requirements} cannot be installed ({why}); nothing was begun or spent. "
        f"`{' '.join(command)}` says:\n{said}"
    )
