"""The strongest sandbox: bubblewrap, with name spaces of its own for files, processes, network, IPC and users.

Inside there is: /usr and the libraries, the interpreter and its packages, the declared data folders and what the study
shows of itself, all read-only; a private /tmp and /dev/shm of bounded size; the folders that the command may write to.
There is no home directory, no other study, no journal, no transcript, no .git, no network (not even the machine's
loopback), no process but its own. It has no capabilities and cannot make name spaces.

Not covered: the processor and its caches are shared (timing channels); with a GPU its device files are passed through,
so that a run can use all of the GPU; what a run writes into its own folder is read by later runs and by plot.py.
"""

import ctypes
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.system import SYSTEM, etc, gpu_devices, interpreter

# Owned by root, and writable for who is root outside, capabilities or not: core_pattern alone would be a way out.
KERNEL_FILES = ("sys", "sysrq-trigger", "irq", "bus", "acpi")
# Of a parent that forks runs: mounts and name spaces, giving capabilities up for good, and a limit of name spaces.
CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SYS_RESOURCE")
HIDDEN, STAGING = "/.study", "/.staging"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
PR_SET_NO_NEW_PRIVS = 38  # <linux/prctl.h>
STREAMS = ("stdin", "stdout", "stderr")


class Bubblewrap:
    """Runs commands under bwrap."""

    name = "bubblewrap"
    init = True

    def describe(self) -> str:
        return "bubblewrap: reads only the study and the interpreter, writes only its own folder, no network, no keys"

    def environment(self) -> dict[str, str]:
        return {"HOME": "/tmp", "TMPDIR": "/tmp", "USER": "scientist", "MPLCONFIGDIR": "/tmp/matplotlib"}

    def wrap(self, arguments: Sequence[str], confinement: Confinement) -> list[str]:
        return [
            *_name_spaces(confinement),
            *("--disable-userns", "--proc", "/proc", "--dev", "/dev"),
            *(word for name in KERNEL_FILES for word in ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")),
            *("--size", str(confinement.scratch_bytes), "--tmpfs", "/dev/shm"),
            *("--size", str(confinement.scratch_bytes), "--tmpfs", "/tmp"),
            *_of_the_machine(confinement),
            *("--tmpfs", str(confinement.root)),
            *_read_only(path for path in confinement.visible if path not in confinement.writable),
            *(word for path in confinement.writable for word in ("--bind", str(path), str(path))),
            # Last: from here on nothing can be created outside of what was bound for writing.
            *("--remount-ro", str(confinement.root), "--remount-ro", "/", "--chdir", str(confinement.folder), "--"),
            *arguments,
        ]

    def wrap_parent(self, arguments: Sequence[str], confinement: Confinement) -> list[str]:
        """The command of a parent that confines what it forks, each run by itself (executors/warmed/confining.py).

        It keeps the capabilities for that, which hold for its own name spaces alone, and has the study at HIDDEN.
        There are no pseudo-terminals: bubblewrap would need a second user name space, in which nothing can be mounted.
        """
        return [
            *_name_spaces(confinement),
            *(word for name in CAPABILITIES for word in ("--cap-add", name)),
            *("--proc", "/proc", "--tmpfs", "/dev", "--dir", "/dev/shm"),
            *(word for name in DEVICES for word in ("--dev-bind", f"/dev/{name}", f"/dev/{name}")),
            *("--symlink", "/proc/self/fd", "/dev/fd", "--tmpfs", "/tmp"),
            *(word for number, name in enumerate(STREAMS) for word in ("--symlink", f"fd/{number}", f"/dev/{name}")),
            *_of_the_machine(confinement),
            *("--tmpfs", str(confinement.root), "--bind", str(confinement.root), HIDDEN, "--dir", STAGING),
            *("--remount-ro", str(confinement.root), "--remount-ro", "/dev", "--remount-ro", "/"),
            *("--chdir", str(confinement.root), "--", *arguments),
        ]


def works() -> bool:
    """Whether bwrap is installed and may do here what it must: some containers and kernels do not let it."""
    try:
        confinement = Confinement((), (), (), "", Path("/tmp/study"), Path("/tmp"))
        command = Bubblewrap().wrap(["/usr/bin/true"], confinement)
        done = subprocess.run(command, capture_output=True, timeout=20, check=False, preexec_fn=_gain_nothing)
        return done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _gain_nothing() -> None:
    """As supervisor.py starts it: a bwrap that has to be set-user-ID would not work then."""
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _name_spaces(confinement: Confinement) -> list[str]:
    return [
        "bwrap",
        *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *([] if confinement.network else ["--unshare-net"]),
        *("--die-with-parent", "--cap-drop", "ALL", "--hostname", "sandbox"),
    ]


def _of_the_machine(confinement: Confinement) -> list[str]:
    """What of the machine is read: the system, the GPU, the interpreter, declared data."""
    return [
        *_system(network=confinement.network),
        *(_gpu() if confinement.gpu else []),
        *_read_only(interpreter(confinement.python)),
        *_read_only(confinement.readable),
    ]


def _system(*, network: bool) -> list[str]:
    words: list[str] = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    for name in etc(network=network):
        words += ["--ro-bind-try", name, name]
    return [*words, "--ro-bind-try", "/sys/devices/system", "/sys/devices/system"]


def _gpu() -> list[str]:
    """Device files and what CUDA reads beneath /sys; without the latter it finds no device, and torch says nothing."""
    words = [word for name in gpu_devices() for word in ("--dev-bind-try", name, name)]
    return [*words, "--ro-bind", "/sys", "/sys"]


def _read_only(paths: Iterable[Path]) -> list[str]:
    return [word for path in paths for word in ("--ro-bind", str(path), str(path))]
