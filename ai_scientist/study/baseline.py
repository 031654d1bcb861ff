"""The baseline, run_0: measured once for the same code, data, profile, device and versions, and kept."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ai_scientist import folders
from ai_scientist.errors import StudyError
from ai_scientist.files import UnreadableFile, read_text, write_text
from ai_scientist.hints import hint
from ai_scientist.lab import Lab
from ai_scientist.metrics import InvalidMetrics, Metrics, read_metrics
from ai_scientist.study.events import Setup
from ai_scientist.study.execution import Record, run_experiment, within_budget
from ai_scientist.study.folder import METRICS, StudyFolder

_RECORD = "measured.json"


def code_hash(path: Path) -> str:
    """A short hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def measure(lab: Lab, setup: Setup, record: Record) -> tuple[Metrics, float, bool]:
    """Put run_0 in place: (its metrics, the seconds that it took to run, whether it came from the cache)."""
    folders.remove(lab.folder.run(0))  # half a copy, of a study that was killed
    if setup.baseline:
        return _brought(lab, setup), 0.0, False
    place = kept(lab.cache, lab.folder, setup)
    with _one_at_a_time(place):
        found = _from_cache(lab, place)
        if found is not None:
            return *found, True
        metrics, seconds = _run(lab, setup, record)
        _keep(lab.folder.run(0), place, seconds)
    return metrics, seconds, False


def _from_cache(lab: Lab, place: Path) -> tuple[Metrics, float] | None:
    """Copy the baseline that is kept in `place`, and read it; None where there is none that is valid."""
    seconds = recorded_seconds(place)
    if seconds is None:
        return None
    try:
        metrics = read_metrics(place / "run_0" / METRICS)
    except InvalidMetrics:
        folders.remove(place)
        return None
    folders.copy(place / "run_0", lab.folder.run(0))
    return metrics, seconds


@contextmanager
def _one_at_a_time(place: Path) -> Iterator[None]:
    """Studies that need the same baseline at the same time: one measures it, the others wait and take it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def recorded_seconds(place: Path) -> float | None:
    """What the baseline kept in this folder took to run; None where there is none."""
    try:
        return float(json.loads(read_text(place / _RECORD, 10_000))["seconds"])
    except (UnreadableFile, ValueError, KeyError, TypeError):
        return None


def kept(cache: Path, folder: StudyFolder, setup: Setup) -> Path:
    """Where the baseline of this code, data, profile, device and these versions is kept, if it was measured."""
    versions = json.dumps([setup.environment, setup.device, setup.versions], sort_keys=True, default=str)
    key = hashlib.sha256((code_hash(folder.experiment) + _beside(folder) + versions).encode()).hexdigest()[:12]
    profile = re.sub(r"[^\w-]+", "-", setup.profile)[:100]
    device = re.sub(r"[^A-Za-z0-9]+", "-", setup.device).strip("-")[:100]
    return cache / f"{profile}_{device}_{key}"


def _beside(folder: StudyFolder) -> str:
    """The names and hashes of everything else that came with the template and that its runs may read, in one text."""
    files = [path for place in folder.beside() for path in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    return "".join(f"{path.relative_to(folder.root)}:{code_hash(path)}" for path in files if path.is_file())


def _brought(lab: Lab, setup: Setup) -> Metrics:
    """The run_0 that the user brings, with what it left beside its results."""
    lab.screen.doing("baseline", 0, 1, None)
    try:
        folders.copy(Path(setup.baseline), lab.folder.run(0))
        return read_metrics(lab.folder.metrics(0))
    except (OSError, InvalidMetrics) as error:
        raise StudyError(f"The baseline {setup.baseline} cannot be taken: {error}") from None


def _run(lab: Lab, setup: Setup, record: Record) -> tuple[Metrics, float]:
    lab.screen.doing("baseline", 0, 1, None)
    limits = within_budget(lab, setup)
    done = run_experiment(lab, setup, 0, 1, record, limits)
    if done.outcome == "ok":
        try:
            return read_metrics(lab.folder.metrics(0)), done.seconds
        except InvalidMetrics as error:
            said = str(error)
    else:
        said = f"{done.outcome.replace('_', ' ')}\n{done.feedback}"
    advice = hint(done.feedback, setup.python, network=setup.network)
    command = f"{setup.python} experiment.py --out_dir=run_0"
    mending = f"Mend the template until `{command}` works in its folder, then start anew."
    if done.outcome == "timed_out":
        longer = f"more than {limits.seconds:g} s (--run-timeout)"
        mending = f"Go on with --resume and {longer}, or begin anew with a smaller --profile."
    lines = (f"The baseline of template {setup.template} has no valid results: {said}", advice, mending)
    raise StudyError("\n".join(filter(None, lines)))


def _keep(run: Path, place: Path, seconds: float) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    folders.remove(temporary)
    temporary.mkdir()
    folders.copy(run, temporary / "run_0")
    write_text(temporary / _RECORD, json.dumps({"seconds": seconds}))
    if place.exists():  # another study was quicker
        folders.remove(temporary)
    else:
        temporary.rename(place)
