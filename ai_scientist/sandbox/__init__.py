"""Sandboxes: what model-written code may read, write and reach. Light to import; `choose` finds what works here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Confinement:
    """What one command may do.

    `visible` are the files and folders of the study that it may read, `writable` the folders that it may write to,
    `readable` further folders that it may read (declared data); `python` is the interpreter, which it may read with its
    packages. `root` is the study folder, in which nothing else is to be seen, `folder` where the command is started.
    `scratch_bytes` bounds its private /tmp and /dev/shm, each.
    """

    visible: tuple[Path, ...]
    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    python: str
    root: Path
    folder: Path
    network: bool = False
    gpu: bool = False
    scratch_bytes: int = 4_000_000_000


class Sandbox(Protocol):
    """Confines commands. `name` is for the journal; `init`: the command's first process is the sandbox's own."""

    @property
    def name(self) -> str: ...

    @property
    def init(self) -> bool: ...

    def describe(self) -> str:
        """One line for people: what is in force, and what is not."""
        ...

    def environment(self) -> dict[str, str]:
        """Variables that a confined command needs: where it may put temporary files, above all."""
        ...

    def wrap(self, arguments: Sequence[str], confinement: Confinement) -> list[str]:
        """The command that runs these arguments confined."""
        ...
