"""What the folder of a study does not decide alone, since it may be another's: it is said on the command line, again.

A study that was begun here is the user's own (`remember`, `begun_here`): its folder decides all but the interpreter and
whether there is a sandbox. To go on with another one is to do as its journal says. It names the model that is sent
prompts, with a key of ours and to an address that can be part of the name; the cluster that is connected to; prices by
which a limit of cost is kept; what runs reach and read (for data see `outside.data_again`, for the interpreter
`environments.interpreter_again`).
"""

import hashlib
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ai_scientist.environments import is_ours
from ai_scientist.errors import UsageError
from ai_scientist.flags import DEFAULT_MODEL, Flags, configured_model
from ai_scientist.ideas.plain import one_line
from ai_scientist.places import begun
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.study.events import Setup
from ai_scientist.study.folder import StudyFolder
from ai_scientist.template import Template, find_templates, read_template

MAX_LINE = 1_000_000


def remember(folder: StudyFolder) -> None:
    """Note that a study was begun here. Where that cannot be noted, it is gone on with like one of another."""
    with suppress(OSError):
        begun().parent.mkdir(parents=True, exist_ok=True)
        with begun().open("a", encoding="ascii") as noted:
            noted.write(f"{_first_line(folder)}\n")


def begun_here(folder: StudyFolder) -> bool:
    """Whether the journal begins as that of a study which was begun here, with all that it was begun with."""
    with suppress(OSError):
        return _first_line(folder) in begun().read_text(encoding="ascii").split()
    return False


def _first_line(folder: StudyFolder) -> str:
    """Its hash; the line names the setup, the time and the first commit."""
    with folder.journal.open("rb") as journal:
        return hashlib.sha256(journal.readline(MAX_LINE)).hexdigest()


def own_template(name: str, templates: Path) -> Template | None:
    """The user's own template of that name: what it asks for, a study of another may ask for, too."""
    with suppress(UsageError):
        return next((read_template(it) for it in find_templates(templates) if it.name == name), None)
    return None


def refuse_links(folder: StudyFolder) -> None:
    """Raises UsageError for a link in a study folder, or in its repository: what is written there goes elsewhere."""
    if strange := next(folder.strange(), None):
        raise UsageError(f"{strange} is a link, which no study has: what is written there goes elsewhere. Remove it.")


def refuse(study: Path, setup: Setup, flags: Flags) -> None:
    """Raises UsageError, with all that is to be said, where the flags do not say again what the study was done with."""
    unsaid = [word for flag, words in _to_say(setup).items() if not _said(flag, setup, flags) for word in words]
    if unsaid:
        raise UsageError(
            f"{study} was done with {one_line(shlex.join(unsaid), 1000)}, and its folder may be another's: say that "
            f"again beside --resume to go on so"
        )


def words(setup: Setup) -> list[str]:
    """The flags that have to be said again to go on with a study."""
    return [one_line(word, 1000) for group in _to_say(setup).values() for word in group] + words_for_runs(setup)


def words_for_runs(setup: Setup) -> list[str]:
    """Those of them that are about what its runs see, and by which interpreter."""
    said = [word for path in setup.data for word in ("--data", path)]
    said += ["--no-sandbox"] if setup.sandbox == NoSandbox.name else []
    said += [] if is_ours(setup.python) else ["--python", setup.python]
    return [one_line(word, 1000) for word in said]


def _to_say(setup: Setup) -> Mapping[str, list[str]]:
    """Flag -> how it is said."""
    engine, price = setup.engine, setup.price
    options = ",".join(f"{key}={value}" for key, value in engine.options)
    return {
        "model": ["--model", setup.model] if setup.model not in ("", DEFAULT_MODEL) else [],
        "price_in": ["--price-in", f"{price[0]:g}", "--price-out", f"{price[1]:g}"] if price else [],
        "allow_network": ["--allow-network"] if setup.network else [],
        "executor": ["--executor", engine.name] if engine.name != "local" else [],
        "ray_address": ["--ray-address", engine.address] if engine.address else [],
        "slurm_options": ["--slurm-options", options] if options else [],
    }


def _said(flag: str, setup: Setup, flags: Flags) -> bool:
    """Whether it was said, or something else in its place."""
    if getattr(flags, flag):
        return True
    match flag:
        case "model":
            return flags.recording is not None or setup.model == configured_model()
        case "price_in":
            return flags.recording is not None or flags.price_in is not None or flags.model not in (None, setup.model)
        case "ray_address" | "slurm_options":
            return flags.executor not in (None, setup.engine.name)
    return False
