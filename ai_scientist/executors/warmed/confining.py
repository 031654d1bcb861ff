"""Gives one run of a warmed parent what bubblewrap gives a cold one: name spaces and mounts of its own, and no power.

Runs inside the parent's bubblewrap, where CAP_SYS_ADMIN holds for the parent's own name spaces and nothing outside.
Standard library only. `python -I -S confining.py FOLDER` tries whether it works here; FOLDER is the study folder.
"""

import ctypes
import os
import sys

HIDDEN = "/.study"  # where the parent sees the study folder, see Bubblewrap.wrap_parent
STAGING = "/.staging"
KERNEL_FILES = ("sys", "sysrq-trigger", "irq", "bus", "acpi")
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000  # <linux/sched.h>
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8  # <linux/mount.h>
MNT_DETACH = 2
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4  # <linux/prctl.h>
CAPABILITY_VERSION_3 = 0x20080522  # <linux/capability.h>
LAST_CAPABILITY = 63
_libc = ctypes.CDLL(None, use_errno=True)


def new_processes() -> None:
    """The next child is the first process of a new process name space."""
    _check(_libc.unshare(CLONE_NEWPID), "unshare")


def furnish(root: str, visible: list[str], writable: list[str], scratch_bytes: int) -> None:
    """Mounts and IPC of this process's own: private /proc, /tmp and /dev/shm, and of the study folder what is named."""
    _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWIPC), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    with open("/proc/sys/user/max_user_namespaces", "w") as file:  # noqa: PTH123
        file.write("0")
    for name in KERNEL_FILES:
        if os.path.exists(f"/proc/{name}"):  # noqa: PTH110
            bind(f"/proc/{name}", f"/proc/{name}", read_only=True)
    for place in ("/dev/shm", "/tmp"):
        empty(place, scratch_bytes)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=10m,mode=755")
    for path in [*(it for it in visible if it not in writable), *writable]:
        show(HIDDEN + path.removeprefix(root), path, read_only=path not in writable)
    mount("none", root, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    mount("tmpfs", HIDDEN, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0k,mode=000")


def empty(place: str, scratch_bytes: int) -> None:
    """A new file system in memory at `place`; what is mounted beneath it stays (an interpreter in /tmp, say)."""
    beneath = mounted(place)
    mount("tmpfs", STAGING, "tmpfs", MS_NOSUID | MS_NODEV, f"size={scratch_bytes},mode=1777")
    for path in beneath:
        show(path, STAGING + path.removeprefix(place))
    mount(STAGING, place, "", MS_BIND | MS_REC)
    _check(_libc.umount2(os.fsencode(STAGING), MNT_DETACH), STAGING)


def mounted(place: str) -> list[str]:
    """The mount points beneath `place`, without those beneath another of them."""
    with open("/proc/self/mountinfo") as file:  # noqa: PTH123
        points = sorted({line.split()[4].encode().decode("unicode_escape") for line in file})
    found: list[str] = []
    for point in points:
        if point.startswith(f"{place}/") and not any(point.startswith(f"{other}/") for other in found):
            found.append(point)
    return found


def show(source: str, target: str, *, read_only: bool = False) -> None:
    """Show a file or a folder at a path at which there is nothing yet."""
    os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    if os.path.isdir(source):  # noqa: PTH112
        os.mkdir(target)  # noqa: PTH102
    else:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o444))
    bind(source, target, read_only=read_only)


def become_powerless() -> None:
    """No capability is left, none can come back, and processes of the run cannot look into this one."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _check(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient capabilities")
    for capability in range(LAST_CAPABILITY + 1):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) and ctypes.get_errno() != 22:  # EINVAL: there is none
            _check(-1, "bounding capabilities")
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, sets), "capset")
    _check(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")


def die_with_parent() -> None:
    """The kernel kills this process when its parent ends, and with the first of a name space all that are in it."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "pdeathsig")


def dumpable() -> None:
    """As a program that was executed is: its own files in /proc are its own."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2). Raises OSError."""
    texts = (source.encode(), os.fsencode(target), kind.encode() or None)
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), data.encode() or None), target)


def bind(source: str, target: str, *, read_only: bool) -> None:
    """Show `source` at `target`, too."""
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(MS_BIND | MS_REC), None), target)
    if read_only:
        kept = os.statvfs(target).f_flag & (os.ST_NOEXEC | os.ST_NOATIME | os.ST_RELATIME | os.ST_NODIRATIME)
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
        mount("none", target, "", flags | _as_mount_flags(kept))


def _as_mount_flags(kept: int) -> int:
    """Flags of statvfs(3) that have another value in mount(2): relatime alone."""
    return (kept & ~os.ST_RELATIME) | (1 << 21 if kept & os.ST_RELATIME else 0)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _try(root: str) -> int:
    """0 where a confined process of its own can be made here, as it will be for a run."""
    new_processes()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        furnish(root, [], [], 1_000_000)
        become_powerless()
        harmless = os.getpid() == 1 and _libc.unshare(0x10000000) == -1 and _libc.unshare(CLONE_NEWNS) == -1
        code = 0 if harmless else 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(_try(sys.argv[1]))
