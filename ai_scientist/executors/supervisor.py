"""Stands between the orchestrator and a command, so that nothing that the command starts outlives it.

    python -I -S supervisor.py GRACE MAX_FILE MAX_DATA STATUS INIT -- COMMAND...

Uses the standard library only and starts in tens of milliseconds. It is the subreaper of everything beneath it
(Linux): children that detach with setsid or a double fork become its children. When the command has ended, or the
orchestrator closes the pipe on standard input or dies, every descendant is ended: SIGTERM, GRACE seconds, then SIGSTOP
(so that a fork bomb cannot outrun it) and SIGKILL, until none is left. The command starts when a first byte comes on
standard input. Its wait status, or why it could not be started, is written to the descriptor STATUS as JSON.

INIT 1: the command's first process is a sandbox, whose end would be the end of all in it: it gets no SIGTERM.
Then system calls are refused, too, that bubblewrap leaves: of the user's keys in the kernel, of sockets to a host.
MAX_FILE and MAX_DATA are limits in bytes of each file written and of each process's data segment, -1 for none.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW = (
    1,
    4,
)  # <linux/seccomp.h>; without the flag old kernels slow it
# Machine -> (its AUDIT_ARCH, the numbers of seccomp, socket, add_key, request_key, keyctl).
CALLS = {"x86_64": (0xC000003E, 317, 41, 248, 249, 250), "aarch64": (0xC00000B7, 277, 198, 217, 218, 219)}
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
LOAD, EQUAL, AT_LEAST, RETURN, ERRNO = 0x20, 0x15, 0x35, 0x06, 0x00050000  # <linux/bpf_common.h>, <linux/seccomp.h>
LEFT_BEHIND_GRACE = 1.0  # seconds, for what a command that ended by itself leaves behind
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    grace, max_file, max_data, answers, init = float(sys.argv[1]), *map(int, sys.argv[2:6])
    supervise(lambda: start(sys.argv[7:], max_file, max_data, answers, bool(init)), grace, answers, bool(init))


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


def start(command: list[str], max_file: int, max_data: int, answers: int, sandboxed: bool) -> int:
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
        if sandboxed:
            refuse_calls()
        os.execvp(command[0], command)
    except OSError as error:
        report(answers, {"error": f"{command[0]}: {error.strerror}"})
    finally:
        os._exit(127)


def refuse_calls() -> None:
    """Refuse this process and all beneath it, by a filter of seccomp(2), what no name space of bubblewrap's holds back.

    That is the kernel's keyrings, and sockets of families that a network name space does not have for itself: AF_VSOCK
    leads to the host of a virtual machine. Calls of another architecture (32 bits), with their other numbers, fail.
    """
    if os.uname().machine not in CALLS:
        return
    architecture, seccomp, socket, *keys = CALLS[os.uname().machine]
    unknown = 8 + len(keys) + len(FAMILIES)  # where ENOSYS stands below
    program = [
        (LOAD, 0, 0, 4),  # the architecture
        (EQUAL, 0, unknown - 2, architecture),
        (LOAD, 0, 0, 0),  # the number of the call
        (AT_LEAST, unknown - 4, 0, 0x40000000),  # those of x32
        *((EQUAL, unknown - 4 - place, 0, number) for place, number in enumerate(keys)),
        (EQUAL, 0, len(FAMILIES) + 2, socket),
        (LOAD, 0, 0, 16),  # its family
        *((EQUAL, len(FAMILIES) - place, 0, family) for place, family in enumerate(FAMILIES)),
        (RETURN, 0, 0, ERRNO | 97),  # EAFNOSUPPORT
        (RETURN, 0, 0, 0x7FFF0000),  # allowed
        (RETURN, 0, 0, ERRNO | 38),  # ENOSYS
        (RETURN, 0, 0, ERRNO | 1),  # EPERM
    ]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    whole = struct.pack("HL", len(program), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, whole):
        raise OSError(ctypes.get_errno(), f"no filter of system calls: {os.strerror(ctypes.get_errno())}")


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
