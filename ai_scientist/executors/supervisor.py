"""Stands between the orchestrator and a command, so that nothing that the command starts outlives it.

    python -I -S supervisor.py GRACE MAX_FILE MAX_DATA STATUS INIT -- COMMAND...

Uses the standard library only and starts in tens of milliseconds. It is the subreaper of everything beneath it
(Linux): children that detach with setsid or a double fork become its children. When the command has ended, or the
orchestrator closes the pipe on standard input or dies, every descendant is ended: SIGTERM, GRACE seconds, then SIGSTOP
(so that a fork bomb cannot outrun it) and SIGKILL, until none is left. The command starts when a first byte comes on
standard input. Its wait status, or why it could not be started, is written to the descriptor STATUS as JSON.

INIT 1: the command's first process is a sandbox, whose end would be the end of all in it: it gets no SIGTERM.
MAX_FILE and MAX_DATA are limits in bytes of each file written and of each process's data segment, -1 for none.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
LEFT_BEHIND_GRACE = 1.0  # seconds, for what a command that ended by itself leaves behind
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    grace, max_file, max_data, answers, init = float(sys.argv[1]), *map(int, sys.argv[2:6])
    supervise(lambda: start(sys.argv[7:], max_file, max_data, answers), grace, answers, bool(init))


def supervise(begin: Callable[[], int], grace: float, answers: int, init: bool) -> None:
    """Wait for the word on standard input, let `begin` start the command as a child, and see all of it to its end."""
    become_subreaper()
    for number in IGNORED:  # the end comes by the pipe: a supervisor killed halfway would leave children behind
        signal.signal(number, signal.SIG_IGN)
    if not os.read(0, 1):
        return
    child = begin()
    ended: dict[int, int] = {}
    wait(child, ended)
    end_descendants(min(grace, LEFT_BEHIND_GRACE) if child in ended else grace, ended, {child} if init else set())
    report(answers, {"status": ended.get(child, 0)})


def become_subreaper() -> None:
    """Adopt orphans; where there is no such thing (not Linux), the process group has to do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: list[str], max_file: int, max_data: int, answers: int) -> int:
    """Fork and execute the command, in a session of its own."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.set_inheritable(answers, False)
        for number in IGNORED:
            signal.signal(number, signal.SIG_DFL)
        limit(resource.RLIMIT_CORE, 0)
        limit(resource.RLIMIT_FSIZE, max_file)
        limit(resource.RLIMIT_DATA, max_data)
        os.execvp(command[0], command)
    except OSError as error:
        report(answers, {"error": f"{command[0]}: {error.strerror}"})
    finally:
        os._exit(127)


def limit(what: int, value: int) -> None:
    """Lower a resource limit, as far as the hard limit of this process goes."""
    if value >= 0:
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def wait(child: int, ended: dict[int, int]) -> None:
    """Return when the command has ended, or when the orchestrator wants it to end or is gone."""
    ready = select.poll()
    ready.register(0, select.POLLIN | select.POLLHUP)
    has_pidfd = hasattr(os, "pidfd_open")
    if has_pidfd:
        ready.register(os.pidfd_open(child), select.POLLIN)
    while True:
        woken = ready.poll(None if has_pidfd else 50)
        reap(ended)
        if child in ended or any(descriptor == 0 for descriptor, _ in woken):
            return


def reap(ended: dict[int, int]) -> bool:
    """Collect the wait status of every child that has ended; whether there is still one."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if not process:
            return True
        ended[process] = status


def end_descendants(grace: float, ended: dict[int, int], spared: set[int]) -> None:
    """End everything beneath this process, and see it gone; the spared ones are not asked, only killed."""
    if not reap(ended):
        return
    send(signal.SIGTERM, descendants() - spared)
    deadline = time.monotonic() + grace
    while reap(ended) and time.monotonic() < deadline:
        time.sleep(0.01)
    while reap(ended):
        stopped: set[int] = set()
        while new := set(descendants()) - stopped:
            send(signal.SIGSTOP, new)
            stopped |= new
        send(signal.SIGKILL, stopped)
        time.sleep(0.005)


def send(number: int, processes: set[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def descendants() -> set[int]:
    """Every process beneath this one, by the parents named in /proc; only the direct group where there is no /proc."""
    parents = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208
            if name.isdigit():
                with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found, grown = {os.getpid()}, True
    while grown:
        more = {process for process, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {os.getpid()}


def report(answers: int, content: object) -> None:
    with contextlib.suppress(OSError):
        os.write(answers, json.dumps(content).encode() + b"\n")


if __name__ == "__main__":
    main()
