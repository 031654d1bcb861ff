"""The baseline, run_0: measured once for the same code, profile, device and versions, and kept for later studies."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from ai_scientist.errors import StudyError
from ai_scientist.files import UnreadableFile, read_text, write_text
from ai_scientist.lab import Lab
from ai_scientist.metrics import InvalidMetrics, Metrics, read_metrics
from ai_scientist.study.events import Setup
from ai_scientist.study.execution import Record, run_experiment
from ai_scientist.study.folder import copy_tree

_RECORD = "measured.json"


def code_hash(path: Path) -> str:
    """A short hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def measure(lab: Lab, setup: Setup, record: Record) -> tuple[Metrics, float, bool]:
    """Put run_0 in place: (its metrics, the seconds that it took to run, whether it came from the cache)."""
    kept = _kept(lab, setup)
    seconds = recorded_seconds(kept)
    if seconds is not None:
        try:
            metrics = read_metrics(kept / "run_0" / "final_info.json")
        except InvalidMetrics:
            shutil.rmtree(kept)
        else:
            copy_tree(kept / "run_0", lab.folder.run(0))
            return metrics, seconds, True
    metrics, seconds = _run(lab, setup, record)
    _keep(lab.folder.run(0), kept, seconds)
    return metrics, seconds, False


def recorded_seconds(kept: Path) -> float | None:
    """What the baseline kept in this folder took to run; None where there is none."""
    try:
        return float(json.loads(read_text(kept / _RECORD, 10_000))["seconds"])
    except (UnreadableFile, ValueError, KeyError, TypeError):
        return None


def _kept(lab: Lab, setup: Setup) -> Path:
    versions = json.dumps([setup.environment, setup.device, setup.versions], sort_keys=True, default=str)
    key = hashlib.sha256((code_hash(lab.folder.experiment) + versions).encode()).hexdigest()[:12]
    device = re.sub(r"[^A-Za-z0-9]+", "-", setup.device).strip("-")
    return lab.cache / f"{setup.profile}_{device}_{key}"


def _run(lab: Lab, setup: Setup, record: Record) -> tuple[Metrics, float]:
    expected = None
    lab.screen.doing("baseline", 0, 1, expected)
    done = run_experiment(lab, setup, 0, 1, record)
    if done.outcome == "ok":
        try:
            return read_metrics(lab.folder.metrics(0)), done.seconds
        except InvalidMetrics as error:
            said = str(error)
    else:
        said = f"{done.outcome.replace('_', ' ')}\n{done.feedback}"
    raise StudyError(
        f"The baseline of template {setup.template} has no valid results: {said}\n"
        f"Mend the template until `{setup.python} experiment.py --out_dir=run_0` works in its folder, then start anew."
    )


def _keep(run: Path, kept: Path, seconds: float) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    copy_tree(run, temporary / "run_0")
    write_text(temporary / _RECORD, json.dumps({"seconds": seconds}))
    if kept.exists():  # another study was quicker
        shutil.rmtree(temporary)
    else:
        temporary.rename(kept)
