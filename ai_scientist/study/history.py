"""The study folder's own git repository: one commit a step, so that `git log -p` is the study's history."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ai_scientist.errors import MachineError

# What is not history: the records themselves, evidence, plots, and what runs leave beside their results.
EXCLUDED = """\
/journal.jsonl
/transcript.jsonl
/log.txt
/failed/
/plot_output/
/control/
/smoke/
*.png
__pycache__/
.*.tmp
/run_*/*
!/run_*/final_info.json
"""


class History:
    """Commits, tags and restores the files of one study. No hook, no configuration of the user takes part."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self) -> None:
        """Make the repository."""
        self._git("init", "--quiet", "--initial-branch=main", "--template=")
        exclude = self._root / ".git" / "info" / "exclude"
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_text(EXCLUDED, encoding="utf-8")

    def commit(self, message: str) -> str:
        """Commit everything that is not excluded, if anything changed; the hash of the commit that stands for now."""
        self._git("add", "--all")
        if self._git("status", "--porcelain"):
            self._git("commit", "--quiet", "--no-verify", "--message", message)
        return self._git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        """Name the commit that stands for now, anew if the name was given before."""
        self._git("tag", "--force", name)

    def restore(self, commit: str) -> None:
        """Everything as it was at that commit; files that are not history stay.

        What else there was (half a step, or what a person changed in between) is kept under a tag "interrupted_...".
        """
        (self._root / ".git" / "index.lock").unlink(missing_ok=True)  # left by a git that was killed
        self._git("add", "--all")
        if changes := self._git("stash", "create"):
            self._git("tag", "--force", f"interrupted_{changes[:10]}", changes)
        self._git("reset", "--quiet", "--hard", commit)
        self._git("clean", "--quiet", "--force", "-d")

    def restore_file(self, name: str, commit: str) -> None:
        """One file as it was at that commit or tag."""
        self._git("checkout", "--quiet", commit, "--", name)

    def text(self, name: str, commit: str) -> str:
        """What a file held at that commit or tag."""
        return self._git("show", f"{commit}:{name}")

    def knows(self, commit: str) -> bool:
        """Whether there is such a commit, in a history of the folder's own."""
        if not (self._root / ".git").is_dir():
            return False
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except MachineError:
            return False
        return True

    def files(self, commit: str) -> Iterator[tuple[Path, bytes]]:
        """The regular files of that commit, each with its path in the folder; nothing is checked out or filtered."""
        for entry in self._raw("ls-tree", "-r", "-z", "--full-tree", commit).decode(errors="replace").split("\0"):
            about, _, name = entry.partition("\t")
            path = Path(name)
            if about.startswith("100") and not path.is_absolute() and not {"..", ".git"} & set(path.parts):
                yield path, self._raw("cat-file", "blob", about.split()[2])

    def _git(self, *arguments: str) -> str:
        return self._raw(*arguments).decode(errors="replace").strip()

    def _raw(self, *arguments: str) -> bytes:
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "gc.auto=0", *arguments]
        try:
            done = subprocess.run(command, cwd=self._root, env=_environment(), capture_output=True, check=False)
        except FileNotFoundError:
            raise MachineError("git is not installed; install it (Debian: apt install git), then --resume.") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise MachineError(f"git {arguments[0]} failed: {said}. If the disk is full, make space; then --resume.")
        return done.stdout


def _environment() -> Mapping[str, str]:
    who = {"NAME": "AI Scientist", "EMAIL": "ai-scientist@localhost"}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C.UTF-8",
        **names,
    }
