"""Writing a study's report: at once, or by a thread beside the study while it goes on."""

import errno
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ai_scientist.errors import AIScientistError, StudyError
from ai_scientist.files import write_bytes
from ai_scientist.report.html import report
from ai_scientist.report.index import write_index
from ai_scientist.report.study import read_study
from ai_scientist.study.folder import StudyFolder

# After a report the thread rests so many times as long as it computed: at most a twentieth of the time goes into
# reports, but for the first, which imports what the others need.
REST = 19
# On a disk with so little room the report gives way to what the study itself has to write.
ROOM_BYTES = 20_000_000


def write_report(root: Path) -> Path:
    """Write report.html of a study folder, whatever is missing in it. Raises UsageError where nothing of a study is."""
    study = read_study(root)
    write_bytes(study.folder.report, report(study))
    return study.folder.report


class Reporter:
    """Keeps report.html (and index.html of `results`, if given) in step with a study, in a thread of its own.

    Whatever goes wrong there never reaches the study: what can be expected is said once through `say`.
    Events that come while it writes or rests are told by its next report; the last one is written at the end.
    """

    def __init__(self, folder: StudyFolder, results: Path | None, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._results = results
        self._say = say
        self._said: set[str] = set()
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="report", daemon=True)

    def __enter__(self) -> "Reporter":
        self._thread.start()
        self.changed()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the last report; quickly, since a report takes a fraction of a second."""
        self._closed.set()
        self._changed.set()
        self._thread.join()

    def changed(self) -> None:
        """Something happened in the study."""
        self._changed.set()

    def _follow(self) -> None:
        first, last = True, False
        while not last:
            self._changed.wait()
            self._changed.clear()
            last = self._closed.is_set()
            started = time.thread_time()
            self._write()
            if not first:
                self._closed.wait(REST * (time.thread_time() - started))
            first = False

    def _write(self) -> None:
        try:
            if shutil.disk_usage(self._folder.root).free < ROOM_BYTES:
                raise OSError(errno.ENOSPC, "the disk is nearly full")
            write_report(self._folder.root)
            if self._results is not None:
                write_index(self._results)
        except (AIScientistError, OSError) as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                with suppress(StudyError):  # the log can be written as little as the report
                    self._say(f"the report is not written: {error}")
