"""What of the machine a confined program may read, whichever sandbox confines it."""

import json
import subprocess
from functools import cache
from pathlib import Path

from ai_scientist.errors import MachineError

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "mime.types")
ETC_FOR_NETWORK = ("resolv.conf", "hosts", "nsswitch.conf", "ssl", "ca-certificates", "pki", "gai.conf", "services")
_GPU_DEVICES = ("dxg", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps", "dri", "kfd")
_MAX_GPUS = 16
_PREFIXES = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]))"


def etc(*, network: bool) -> tuple[str, ...]:
    """Files and folders of /etc that libraries need, and those that name servers need."""
    return tuple(f"/etc/{name}" for name in (*ETC, *(ETC_FOR_NETWORK if network else ())))


def gpu_devices() -> tuple[str, ...]:
    """Device files of GPUs, whether there or not."""
    return tuple(f"/dev/{name}" for name in (*_GPU_DEVICES, *(f"nvidia{number}" for number in range(_MAX_GPUS))))


@cache
def interpreter(python: str) -> tuple[Path, ...]:
    """The folders of an interpreter and its packages that are not beneath /usr anyway.

    Raises MachineError where it does not start, or where these would show runs the user's home.
    """
    if not python:
        return ()
    done = subprocess.run([python, "-c", _PREFIXES], cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{python} does not start: {done.stderr.strip()[-200:]}")
    places = dict.fromkeys([*map(Path, json.loads(done.stdout)), Path(python), Path(python).resolve()])
    own = [place for place in places if place.exists() and not place.is_relative_to("/usr")]
    if shown := [place for place in own if Path.home().resolve().is_relative_to(place.resolve())]:
        raise MachineError(
            f"{python} is installed into {shown[0]}, which holds your home directory, and runs could read it all: make "
            f"a virtual environment elsewhere from another Python, and name its interpreter by --python."
        )
    return tuple(place for place in own if not any(place != other and place.is_relative_to(other) for other in own))
