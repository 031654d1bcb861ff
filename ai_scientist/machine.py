"""What this machine offers to experiments: the interpreter, its packages, and the device they would run on."""

import json
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from ai_scientist.errors import UsageError
from ai_scientist.lab import CPU
from ai_scientist.template import DeviceKind

# Asked of the interpreter that will run the experiments; torch itself is imported only where there may be a GPU.
_PROBE = """
import importlib.metadata, json, platform, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
device, devices = "", 0
if sys.argv[1] == "gpu" and version("torch"):
    import torch
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device = torch.cuda.get_device_name(0) if devices else ""
versions = {name: version(name) for name in ("torch", "numpy")}
print(json.dumps({"device": device, "devices": devices, "versions": {"python": platform.python_version(), **versions}}))
"""
_GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
PROBE_SECONDS = 120


@dataclass(frozen=True)
class Machine:
    """`device` is the GPU's name or "cpu", as the interpreter's torch sees it; `versions`: python and packages.

    `gpus` are the GPUs by the names that CUDA_VISIBLE_DEVICES gives them.
    """

    device: str
    gpus: tuple[str, ...]
    versions: dict[str, str]

    @property
    def kind(self) -> DeviceKind:
        """Which of the two kinds of device it is."""
        return "cpu" if self.device == CPU else "gpu"


def hardware() -> str:
    """Processor, cores, memory and kernel in words, for the record of a study."""
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE)
    except OSError:
        names = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 1e9
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{processor}, {cores} cores, {memory:.0f} GB of memory, {platform.system()} {platform.release()}"


@cache
def probe(python: str) -> Machine:
    """Ask the interpreter, at a place where its -c imports nothing of others. Raises UsageError if it does not work."""
    gpu = "gpu" if any(Path(name).exists() for name in _GPU_FILES) else "cpu"
    command = [python, "-c", _PROBE, gpu]
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
        answer = json.loads(done.stdout)
        device, count, versions = answer["device"] or CPU, int(answer["devices"]), dict(answer["versions"])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"--python {python} cannot be started: {error}") from None
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines()
        raise UsageError(f"--python {python} is no working Python: {said[-1] if said else 'no answer'}") from None
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    gpus = tuple(visible or map(str, range(count)))[:count]
    return Machine(device, gpus, versions)
