"""Confines itself by Landlock and seccomp, and runs a command so; a program of its own, started by `landlock.py`.

    python -I confine.py RULES COMMAND...

RULES is JSON: `read` and `write` are lists of paths (those that do not exist are passed over), `list` a folder whose
names may be listed, `network` a truth value, `scratch` a folder to be made for temporary files and removed at the end.
The exit code is that of the command, or 128 + the signal that ended it, as shells and bubblewrap say it.
"""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pyseccomp
from landlock import FSAccess, Ruleset, landlock_abi_version
from landlock.plumbing import RulesetAttr, get_create_ruleset, get_restrict_self

SCOPES_ABI = 6  # the first that keeps signals and abstract Unix sockets inside; Linux 6.12
SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1, 2  # <linux/landlock.h>
EPERM, ENOSYS = 1, 38
NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* of <linux/sched.h>
TIOCSTI = 0x5412

# Other processes, mounts, name spaces, the kernel and its clock, and ways around the rules: nothing that trains needs.
REFUSED = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd perf_event_open bpf userfaultfd
    mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr swapon swapoff
    unshare setns io_uring_setup open_by_handle_at name_to_handle_at
    init_module finit_module delete_module kexec_load kexec_file_load reboot syslog acct quotactl iopl ioperm
    settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname keyctl add_key request_key
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
""".split()  # noqa: SIM905 - a list of 50 quoted words is no easier to read
# Landlock does not hold these. Copying files asks for them, so that they do nothing instead of failing.
WITHOUT_EFFECT = "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat".split()  # noqa: SIM905


class ScopedAttr(RulesetAttr):  # type: ignore[misc]
    """struct landlock_ruleset_attr as of ABI 6."""

    _fields_ = (("handled_access_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


def main() -> int:
    rules, command = json.loads(sys.argv[1]), sys.argv[2:]
    scratch = Path(rules["scratch"])
    scratch.mkdir(exist_ok=True)
    child = os.fork()
    if not child:
        try:
            run(rules, command)
        finally:
            os._exit(127)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(RecursionError):  # folders nested a thousand deep stay as evidence
        shutil.rmtree(scratch, ignore_errors=True)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def run(rules: dict[str, Any], command: list[str]) -> None:
    """Become the command, confined."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ |= dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), rules["scratch"])
    confine_files(rules)
    if landlock_abi_version() >= SCOPES_ABI:
        confine_signals(network=rules["network"])
    confine_calls(network=rules["network"])
    os.execvp(command[0], command)


def confine_files(rules: dict[str, Any]) -> None:
    """Only the named paths can be opened, as of now and for all children."""
    reading = FSAccess.EXECUTE | FSAccess.READ_FILE
    files = Ruleset()
    for path in filter(os.path.exists, rules["read"]):
        files.allow(path, rules=reading | FSAccess.READ_DIR if os.path.isdir(path) else reading)  # noqa: PTH112
    for path in filter(os.path.exists, [*rules["write"], "/proc/self"]):
        files.allow(path, rules=FSAccess.all() if os.path.isdir(path) else FSAccess.all_file())  # noqa: PTH112
    files.allow(rules["list"], rules=FSAccess.READ_DIR)
    files.apply()


def confine_signals(*, network: bool) -> None:
    """No signal to a process outside, and, without a network, no abstract Unix socket of one."""
    scoped = ScopedAttr(0, 0, SCOPE_SIGNAL if network else SCOPE_SIGNAL | SCOPE_ABSTRACT_UNIX_SOCKET)
    ruleset = get_create_ruleset()(ctypes.byref(scoped), ctypes.sizeof(scoped), 0)
    get_restrict_self()(ruleset, 0)


def confine_calls(*, network: bool) -> None:
    """A list of refused system calls; every other one is allowed."""
    calls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refusal, nothing = pyseccomp.ERRNO(EPERM), pyseccomp.ERRNO(0)
    for name in REFUSED:
        add(calls, refusal, name)
    for name in WITHOUT_EFFECT:
        add(calls, nothing, name)
    for bit in range(32):
        if NEW_NAMESPACES >> bit & 1:
            add(calls, refusal, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, 1 << bit, 1 << bit))
    add(calls, pyseccomp.ERRNO(ENOSYS), "clone3")  # its flags lie in memory; the C library then uses clone
    add(calls, refusal, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, TIOCSTI))
    if not network:
        add(calls, refusal, "socket")  # a pair of connected ones (socketpair) stays allowed
    calls.load()


def add(calls: pyseccomp.SyscallFilter, action: int, name: str, *arguments: pyseccomp.Arg) -> None:
    """Add a rule; a call that this machine's libseccomp does not know cannot be made through it either."""
    try:
        calls.add_rule(action, name, *arguments)
    except OSError:
        if name in ("socket", "ptrace", "clone"):
            raise


if __name__ == "__main__":
    sys.exit(main())
