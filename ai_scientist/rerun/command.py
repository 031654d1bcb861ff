"""Execute runs of a study again, from their commits, and compare what they measure with what was recorded.

Exit code 0: nothing is different. 1: something is, or a run did not finish. 2: bad input. The study is not changed.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ai_scientist.errors import UsageError

if TYPE_CHECKING:
    from ai_scientist.rerun.recorded import Recorded


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a study folder")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", type=int, metavar="N", help="the run to execute again (0: the baseline)")
    which.add_argument("--all", action="store_true", help="execute every finished run again, the baseline too")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where (default: rerun_TIME_STUDY beside the study)")
    parser.add_argument("--python", default="", metavar="PATH", help="the interpreter (default: the study's)")
    parser.add_argument(
        "--data", type=Path, action="append", default=[], metavar="PATH", help="data that its runs may read again"
    )
    parser.add_argument("--allow-network", action="store_true", help="let runs that used the network use it again")
    parser.add_argument("--no-sandbox", action="store_true", help="run without a sandbox: it can do what you can")


def run(given: argparse.Namespace) -> int:
    """Print each metric beside the recorded one; the exit code."""
    if not given.folder.is_dir():
        raise UsageError(f"{given.folder} is no folder")
    from ai_scientist.interrupts import interruptible
    from ai_scientist.rerun.recorded import recorded

    known = recorded(given.folder.resolve())
    if not given.all and given.run not in known:
        raise UsageError(f"{given.folder} has no finished run {given.run} (it has: {', '.join(map(str, known))})")
    wanted = [known[number] for number in sorted(known) if given.all or number == given.run]
    with interruptible():
        return _execute(given, given.folder.resolve(), wanted)


def _execute(given: argparse.Namespace, study: Path, wanted: "list[Recorded]") -> int:
    from ai_scientist.rerun import wording
    from ai_scientist.rerun.again import allowed, differences, executed, laid_out
    from ai_scientist.rerun.judging import judged
    from ai_scientist.sandbox.choose import choose

    said = {"python": given.python, "readable": given.data, "network": given.allow_network}
    with_what = [(it, allowed(study, it.setup, **said)) for it in wanted]
    sandbox = choose(allow_none=given.no_sandbox)
    place = _place(given.out, study)
    reruns = [laid_out(study, it, place / f"rerun_{it.run}", python, sandbox) for it, python in with_what]
    sys.stdout.write(wording.environment({it.recorded.run: differences(it) for it in reruns}))
    failed, pairs = {}, {}
    for rerun in reruns:
        number = rerun.recorded.run
        sys.stderr.write(f"run {number} again, in {rerun.folder.root} ...\n")
        measured = executed(rerun)
        if isinstance(measured, str):
            failed[number] = measured
        else:
            pairs[number] = (rerun.recorded.metrics, measured)
    found = judged(pairs)
    for it in wanted:
        sys.stdout.write(wording.run(it, [each for each in found if each.run == it.run], failed.get(it.run, "")))
    sys.stdout.write(wording.total(found, len(failed)))
    return 1 if failed or any(each.counts for each in found) or any(it.changed for it in wanted) else 0


def _place(out: Path | None, study: Path) -> Path:
    """The new folder for what is executed again."""
    place = out or study.parent / f"rerun_{datetime.now():%Y%m%d_%H%M%S}_{study.name}"
    if place.resolve().is_relative_to(study):
        raise UsageError(f"--out {place} lies in the study, which is not changed; choose another folder")
    try:
        place.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"cannot create {place}: {error.strerror}; choose a new folder with --out") from None
    return place.resolve()
