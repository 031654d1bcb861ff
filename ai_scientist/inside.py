"""What runs will find inside their sandbox, tried before anything is spent: a torch that works, and the device.

torch falls back to the processor without a word where a device file is missing; a night later all results are there, at
a hundredth of the speed.
"""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from ai_scientist.errors import MachineError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import CPU
from ai_scientist.sandbox import Confinement, Sandbox
from ai_scientist.study.events import Setup
from ai_scientist.study.execution import environment

SECONDS = 180
MAX_CODE_BYTES = 5_000_000
_TRY = """
import torch
print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu")
"""


def verify(setup: Setup, sandbox: Sandbox, experiment: Path) -> None:
    """Import torch and look for the device as a run would; only where the experiment or the device needs torch.

    Raises MachineError with what to do where torch does not work, or another device is found than outside.
    """
    if setup.device == CPU and not uses_torch(experiment):
        return
    if said := problem(setup.python, sandbox, setup.device):
        raise MachineError(said)


def problem(python: str, sandbox: Sandbox, device: str) -> str:
    """Why runs cannot use torch and the device, "" where they can."""
    found, said = _tried(python, sandbox, gpu=device != CPU)
    if found is None:
        return f"{python} cannot use torch in the sandbox ({sandbox.name}): {said}"
    if found != device:
        return (
            f"runs would not see {device}: in the sandbox ({sandbox.name}) torch finds {found}. Check that the "
            f"device files of the GPU can be read by you, or choose --no-sandbox or --profile for the CPU."
        )
    return ""


def uses_torch(experiment: Path) -> bool:
    """Whether experiment.py imports torch, as far as its text tells."""
    try:
        return "import torch" in read_text(experiment, MAX_CODE_BYTES)
    except UnreadableFile:
        return False


def _tried(python: str, sandbox: Sandbox, *, gpu: bool) -> tuple[str | None, str]:
    """(the device that torch sees inside, the last line of what went wrong)."""
    with TemporaryDirectory(prefix="ai-scientist-") as place:
        root = Path(place).resolve()
        own = root / "own"
        own.mkdir()
        confinement = Confinement((), (own,), (), python, root, root, gpu=gpu)
        command = sandbox.wrap((python, "-c", _TRY), confinement)
        variables = {**sandbox.environment(), **environment({})}
        try:
            done = subprocess.run(
                command, cwd=root, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, str(error)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["it said nothing"]
    return (lines[-1], "") if done.returncode == 0 else (None, lines[-1][:300])
