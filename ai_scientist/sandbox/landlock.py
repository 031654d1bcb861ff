"""The fallback where bubblewrap may not be used: Landlock for files, seccomp for the network and the kernel.

It needs no privilege, no name space and no program: Linux 5.13 or later, and libseccomp. A confined program reads the
study's visible files, the interpreter, /usr and the declared data, and writes its own folder, with its temporary files
in it. It makes no connection (no socket at all), no mounts and no name spaces, traces nothing, and reads no environment
of others; from Linux 6.12 on it cannot signal a process outside either.

Not covered, other than by bubblewrap: file names in the study folder and sizes and times of any file can be seen;
/dev/shm is shared with the machine; processes of others can be counted by their signals' errors, and before Linux 6.12
those of the same user can be signalled; what outlives a run is ended by the supervisor, not by the kernel. Without
sockets, torch's DataLoader cannot use worker processes. chmod and chown do nothing.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.system import SYSTEM, etc, gpu_devices, interpreter

CONFINE = Path(__file__).with_name("confine.py")
PROC = ("cpuinfo", "meminfo", "stat", "filesystems", "loadavg", "uptime", "version", "sys")
GPU_PROC = ("devices", "modules", "driver")  # where CUDA looks for its devices
DEVICES = ("null", "zero", "full", "random", "urandom", "shm")


class Landlock:
    """Runs commands under confine.py."""

    name = "landlock"
    init = True

    def describe(self) -> str:
        return (
            "Landlock and seccomp (install bubblewrap for a stronger one): reads only the study and the interpreter, "
            "writes only its own folder and /dev/shm, no network, no keys"
        )

    def environment(self) -> dict[str, str]:
        return {"USER": "scientist"}

    def wrap(self, arguments: Sequence[str], confinement: Confinement) -> list[str]:
        paths = (*confinement.visible, *confinement.readable, *interpreter(confinement.python))
        rules = {
            "read": [
                *map(str, paths),
                *SYSTEM,
                *etc(network=confinement.network),
                *(f"/proc/{name}" for name in (*PROC, *(GPU_PROC if confinement.gpu else ()))),
                "/sys" if confinement.gpu else "/sys/devices/system",
            ],
            "write": [
                *map(str, confinement.writable),
                *(f"/dev/{name}" for name in DEVICES),
                *(gpu_devices() if confinement.gpu else ()),
            ],
            "list": str(confinement.root),
            "network": confinement.network,
            "scratch": str(confinement.writable[0] / ".scratch"),
        }
        return [sys.executable, "-I", str(CONFINE), json.dumps(rules), *arguments]


def works(place: Path) -> bool:
    """Whether a program can be confined here so that it is refused what it must be; tried in an empty folder."""
    own = place / "own"
    own.mkdir()
    (place / "secret").touch()
    try:
        confinement = Confinement((), (own,), (), sys.executable, place, place)
        tries = "import socket, sys\nfor it in (lambda: open('secret'), socket.socket):\n"
        tries += " try: it()\n except PermissionError: continue\n sys.exit(1)"
        command = Landlock().wrap([sys.executable, "-c", tries], confinement)
        return subprocess.run(command, cwd=place, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
