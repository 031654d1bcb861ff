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
    if setup.device == CPU and not _uses_torch(experiment):
        return
    found, said = _tried(setup, sandbox)
    if found is None:
        raise MachineError(f"{setup.python} cannot use torch in the sandbox ({sandbox.name}): {said}")
    if found != setup.device:
        raise MachineError(
            f"runs would not see {setup.device}: in the sandbox ({sandbox.name}) torch finds {found}. Check that the "
            f"device files of the GPU can be read by you, or choose --no-sandbox or --profile for the CPU."
        )


def _uses_torch(experiment: Path) -> bool:
    try:
        return "import torch" in read_text(experiment, MAX_CODE_BYTES)
    except UnreadableFile:
        return False


def _tried(setup: Setup, sandbox: Sandbox) -> tuple[str | None, str]:
    """(the device that torch sees inside, the last line of what went wrong)."""
    with TemporaryDirectory(prefix="ai-scientist-") as place:
        root = Path(place).resolve()
        own = root / "own"
        own.mkdir()
        confinement = Confinement((), (own,), (), setup.python, root, root, gpu=setup.device != CPU)
        command = sandbox.wrap((setup.python, "-c", _TRY), confinement)
        variables = {**sandbox.environment(), **environment({})}
        try:
            done = subprocess.run(
                command, cwd=root, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, str(error)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["it said nothing"]
    return (lines[-1], "") if done.returncode == 0 else (None, lines[-1][:300])
