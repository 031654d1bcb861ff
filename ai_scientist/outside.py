"""What runs see and reach beyond the study: data outside the template, and the network."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.ideas.plain import one_line
from ai_scientist.lab import Engine
from ai_scientist.study.folder import leading_out
from ai_scientist.template import Template


def network(template: Template, *, allowed: bool) -> bool:
    """Both must say it: the template that it needs the network, the user that it may have it."""
    if template.network and not allowed:
        raise UsageError(f"template {template.name} needs the network: allow it with --allow-network")
    return template.network


def declared_data(template: Template) -> tuple[str, ...]:
    """The folders outside the template that its runs read."""
    folders = [(template.folder / os.path.expanduser(name)).resolve() for name in template.data]  # noqa: PTH111 - it never raises
    for folder in folders:
        if not folder.exists():
            raise UsageError(f"template {template.name} reads {folder} (data in template.toml), which does not exist")
        if reason := _why_not_shown(folder):
            raise UsageError(f"template {template.name} reads {folder} (data in template.toml), {reason}")
    return tuple(map(str, folders))


def _why_not_shown(folder: Path) -> str:
    """Why runs are not shown that folder, "" where they may be."""
    if any(folder == Path(name) or folder.is_relative_to(name) for name in ("/proc", "/sys", "/dev", "/run")):
        return "which is not data but the machine"
    if Path.home().resolve().is_relative_to(folder):
        return "which holds your home directory; name the folder that is meant"
    return ""


def further_data(paths: Sequence[Path]) -> tuple[str, ...]:
    """What --data names. Raises UsageError for what is not there, or is no data."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"--data {path}: there is no such file or folder")
        if reason := _why_not_shown(path.resolve()):
            raise UsageError(f"--data {path}, {reason}")
    return tuple(str(path.resolve()) for path in paths)


def data_again(
    study: Path, recorded: Sequence[str], paths: Sequence[Path], own: Template | None, *, known: Sequence[str] = ()
) -> tuple[str, ...]:
    """What the runs of a study go on reading: what it recorded, and what --data names.

    Raises UsageError for what is not `known`, nor named by --data or the user's `own` template of that name: the folder
    of the study may be another's, and would show its runs any file.
    """
    given = further_data(paths)
    allowed = {*known, *given}
    with suppress(UsageError):
        allowed |= set(declared_data(own)) if own else set()
    if unknown := [path for path in recorded if path not in allowed and Path(path).exists()]:
        raise UsageError(
            f"the runs of {study} would read {one_line(unknown[0], 300)}, and the folder may be another's: allow that "
            f"with --data"
        )
    return tuple(dict.fromkeys((*recorded, *given)))


def self_contained(template: Template) -> None:
    """Raises UsageError for a link of the template that leads out of it: it would show others' files to its runs."""
    if strange := leading_out(template.folder):
        raise UsageError(
            f"{strange[0]} is no file of the template: copy what it leads to, or show it to the runs by --data PATH"
        )


def guarded(engine: Engine, network: bool) -> bool:
    """Raises UsageError where runs with a network would reach a Ray that does as everybody says."""
    if network and engine.name == "ray" and os.environ.get("RAY_AUTH_MODE") == "disabled":
        raise UsageError("--allow-network with RAY_AUTH_MODE=disabled would let runs command the whole Ray cluster")
    return network
