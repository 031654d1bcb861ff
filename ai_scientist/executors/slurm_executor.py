"""Calls as jobs of Slurm, by submitit: pickled into a folder that the nodes see, too, and found again by their names.

Whether a job is still there is asked of squeue, which needs no accounting daemon. A job may be called done that was
cancelled: only a result that submitit's file holds counts.
"""

import contextlib
import math
import pickle
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ai_scientist import folders
from ai_scientist.errors import MachineError, UsageError
from ai_scientist.executors.cluster import JobLost
from ai_scientist.files import tail
from ai_scientist.lab import Engine, JobId
from ai_scientist.study.execution import PASSED
from ai_scientist.study.folder import StudyFolder

TICK_SECONDS = 0.5
ASK_SECONDS = 3.0  # between two questions to Slurm's controller, which has others to answer
LAG_SECONDS = 20.0  # that a shared file system may need to show a result
END_SECONDS = 45.0  # more than Slurm's KillWait, after which it kills what it asked to end
SPARE_MINUTES = 10  # of a job's time beyond that of its run: to start, to pack, to end
MAX_PICKLE_GB = 4.0
NAME = re.compile(r"ai-scientist-[0-9a-f]{16}")
ENDED = "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED REVOKED TIMEOUT".split()  # noqa: SIM905
# What a job sees of this environment: no key is among it. Slurm adds its own variables.
EXPORTED = ",".join((*(name for name in PASSED if "VISIBLE" not in name), "HOME", "USER"))


class SlurmCalls:
    """Calls as jobs with these options of sbatch; `cluster` "local" has submitit start processes on this machine."""

    def __init__(self, engine: Engine, cluster: str = "slurm", lag: float = LAG_SECONDS) -> None:
        self._engine = engine
        self._cluster = cluster
        self._lag = lag
        _submitit()

    def call(
        self,
        place: Path,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        seconds: float,
        started: Callable[[JobId], None],
        output: Callable[[str], None],
        heed: Callable[[], None],
    ) -> Any:
        name = f"ai-scientist-{uuid.uuid4().hex[:16]}"
        folder = StudyFolder(place).jobs / name
        folder.mkdir(parents=True)
        started(JobId("slurm", name, str(folder)))
        try:
            job = self._submitted(name, folder, seconds, (function, arguments, folder / "lines"))
            try:
                self._follow(job, folder / "lines", output, heed)
                return _result(job)
            except JobLost:
                raise
            except BaseException:
                self._cancel(job)
                raise
        except KeyboardInterrupt:
            _cancelled(name)  # it may have been submitted a moment ago
            raise
        finally:
            with contextlib.suppress(OSError):  # a shared file system that holds on to it; another job's folder
                folders.remove(folder)
                folder.parent.rmdir()

    def _submitted(self, name: str, folder: Path, seconds: float, arguments: tuple[Any, ...]) -> Any:
        submitit = _submitit()
        try:
            if self._cluster == "local":
                return submitit.LocalExecutor(folder).submit(_there, *arguments)
            minutes = math.ceil(seconds / 60) + SPARE_MINUTES
            options: dict[str, str | bool] = {"time": str(minutes), "export": EXPORTED}
            options |= {"no-requeue": True, **dict(self._engine.options)}
            options |= {} if self._engine.gpus is None else {"gpus": str(self._engine.gpus)}
            options |= {} if self._engine.cpus is None else {"cpus-per-task": str(self._engine.cpus)}
            queue = submitit.SlurmExecutor(folder, max_pickle_size_gb=MAX_PICKLE_GB)
            queue.update_parameters(
                job_name=name, time=minutes, additional_parameters=options, srun_args=("--export=ALL",)
            )
            return queue.submit(_there, *arguments)
        except (OSError, RuntimeError, submitit.core.utils.FailedJobError) as error:
            raise MachineError(f"Slurm takes no job: {' '.join(str(error).split())[-300:]}") from None

    def _follow(self, job: Any, lines: Path, output: Callable[[str], None], heed: Callable[[], None]) -> None:
        """Return when the job's result is there, and what it printed is handed on."""
        printed, asked, gone = _new_lines(lines), time.monotonic(), 0.0
        while not job.paths.result_pickle.exists():
            heed()
            for line in next(printed):
                output(line)
            now = time.monotonic()
            if now - asked > ASK_SECONDS or gone:
                asked = now
                gone = 0.0 if self._is_there(job) else gone or now
            if gone and now - gone > self._lag:
                raise JobLost(f"job {job.job_id} ended without a result. {_last_line(job.paths.stderr)}")
            time.sleep(TICK_SECONDS)
        for line in next(printed):
            output(line)

    def _cancel(self, job: Any) -> None:
        """Cancel a job and see it gone, as far as the engine tells."""
        job.cancel(check=False)
        deadline = time.monotonic() + END_SECONDS
        while self._is_there(job) and time.monotonic() < deadline:
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(TICK_SECONDS)

    def _is_there(self, job: Any) -> bool:
        if self._cluster == "local":
            return not job.done()
        asked = subprocess.run(
            ["squeue", "--noheader", "--jobs", job.job_id, "--format", "%T"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode:
            return "Invalid job id" not in asked.stderr  # a controller that does not answer has not ended the job
        return any(state not in ENDED for state in asked.stdout.split())


def end(job: JobId) -> bool:
    """Cancel the job of an interrupted study if it is still there; whether it was."""
    return _cancelled(job.name)


def _cancelled(name: str) -> bool:
    """Cancel the jobs of that name, which is one's alone; whether there was one. Never a job of another's making."""
    if not NAME.fullmatch(name):
        return False
    command = ["squeue", "--noheader", "--name", name, "--format", "%A"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:  # a machine without Slurm
        return False
    for number in found:
        subprocess.run(["scancel", number], capture_output=True, check=False)
    return bool(found)


def _there(function: Callable[..., Any], arguments: Sequence[Any], lines: Path) -> Any:
    """What a job does on its node. Slurm asks it to end by signals, which submitit would pass over."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT):
        signal.signal(number, interrupt)
    try:
        with lines.open("a", encoding="utf-8") as file:

            def output(line: str) -> None:
                file.write(f"{line}\n")
                file.flush()

            return function(*arguments, output, lambda: None)
    except KeyboardInterrupt:
        raise RuntimeError("the job was asked to end") from None


def _result(job: Any) -> Any:
    """What the job's result file holds; not by job.result(), which asks an accounting daemon that need not be there."""
    try:
        with job.paths.result_pickle.open("rb") as file:
            outcome, result = pickle.load(file)
    except (OSError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise JobLost(f"the result of job {job.job_id} cannot be read: {error}") from None
    if outcome != "success":
        raise JobLost(_last_line_of(str(result)))
    return result


def _new_lines(path: Path) -> Iterator[list[str]]:
    """The whole lines that were added to a file since the last time, again and again."""
    seen, rest = 0, ""
    while True:
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(seen)
            added = file.read()
            seen += len(added)
            *lines, rest = (rest + added.decode(errors="replace")).split("\n")
        yield lines


def _last_line(path: Path) -> str:
    return _last_line_of(tail(path))


def _last_line_of(text: str) -> str:
    return ([line.strip() for line in text.splitlines() if line.strip(" -=")] or ["it said nothing"])[-1][:300]


def _submitit() -> Any:
    try:
        import submitit
    except ImportError:
        raise UsageError('--executor slurm needs submitit: pip install "ai-scientist[slurm]"') from None
    return submitit
