"""The study folder's own git repository: one commit a step, so that `git log -p` is the study's history.

What runs leave is hostile, and git obeys what it finds: a repository in a run's folder can name a program to be
started, a .gitattributes or .gitignore change what is kept. So git never looks at the folder. We say which regular
files are history, and use only commands that work on those, on the index and on commits.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ai_scientist import folders
from ai_scientist.errors import MachineError, StudyError
from ai_scientist.files import write_bytes
from ai_scientist.study.folder import StudyFolder

# For people who ask git: what is not history shall not be shown as new.
EXCLUDED = """\
/journal.jsonl
/transcript.jsonl
/log.txt
/report.html
/failed/
/plot_output/
/control/
/smoke/
*.png
__pycache__/
.*
/run_*/*
!/run_*/final_info.json
"""
COMMIT = re.compile(r"[0-9a-f]{40,64}")
# Before any other attributes: no conversion, no program for it.
ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.fileMode": "false",
    "gc.auto": "0",
    "core.fsync": "all",  # the journal names a commit only when that is on disk
}


class History:
    """Commits, tags and restores the files of one study. No hook, no configuration of the user takes part."""

    def __init__(self, root: Path) -> None:
        self._folder = StudyFolder(root)
        self._root = root

    def create(self) -> None:
        """Make the repository."""
        self._git("init", "--quiet", "--initial-branch=main", "--template=")
        self._settle()

    def commit(self, message: str) -> str:
        """Commit everything that is history, if anything changed; the hash of the commit that stands for now."""
        tree = self._staged()
        last = self._last()
        if last and tree == self._git("rev-parse", "HEAD^{tree}"):
            return last
        commit = self._git("commit-tree", tree, *(["-p", last] if last else []), "-m", message)
        self._git("update-ref", "HEAD", commit)
        return commit

    def tag(self, name: str) -> None:
        """Name the commit that stands for now, anew if the name was given before."""
        self._git("update-ref", f"refs/tags/{name}", "HEAD")

    def restore(self, commit: str) -> None:
        """Everything as it was at that commit; files that are not history stay.

        What else there was (half a step, or what a person changed in between) is kept under a tag "interrupted_...".
        Raises StudyError where the journal names no commit, or the commit files that no study has.
        """
        if not COMMIT.fullmatch(commit):  # git would take it for an option
            raise StudyError(f"the journal of {self._root} names {commit[:100]!r}, which is no commit.")
        for left in [*(self._root / ".git").rglob("*.lock"), self._root / ".git" / "index"]:
            left.unlink(missing_ok=True)  # of a git that was killed, or written by halves as the power failed
        self._settle()
        tree = self._staged()
        if tree != self._git("rev-parse", "HEAD^{tree}"):
            changes = self._git("commit-tree", tree, "-p", "HEAD", "-m", "What was there when the study went on")
            self._git("update-ref", f"refs/tags/interrupted_{changes[:10]}", changes)
        words = self._git("diff-index", "--cached", "--no-renames", "--name-status", "-z", commit).split("\0")
        for status, name in zip(words[::2], words[1::2], strict=False):
            if self._is_strange(name):
                raise StudyError(f"the history of {self._root} names {name[:100]!r}, which is no file of a study.")
            if status == "A":
                (self._root / name).unlink()
            else:
                self.restore_file(name, commit)
        self._git("update-ref", "HEAD", commit)
        self._git("read-tree", commit)

    def restore_file(self, name: str, commit: str) -> None:
        """One file as it was at that commit or tag."""
        content = self._output("cat-file", "blob", f"{commit}:{name}")
        for place in [*reversed((self._root / name).relative_to(self._root).parents)][1:]:
            if not (self._root / place).is_dir() or (self._root / place).is_symlink():
                folders.remove(self._root / place)
                (self._root / place).mkdir()
        if (self._root / name).is_dir():
            folders.remove(self._root / name)
        write_bytes(self._root / name, content)

    def text(self, name: str, commit: str) -> str:
        """What a file held at that commit or tag."""
        return self._output("cat-file", "blob", f"{commit}:{name}").decode(errors="replace")

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
        for entry in self._output("ls-tree", "-r", "-z", "--full-tree", commit).decode(errors="replace").split("\0"):
            about, _, name = entry.partition("\t")
            path = Path(name)
            if about.startswith("100") and not path.is_absolute() and not {"..", ".git"} & set(path.parts):
                yield path, self._output("cat-file", "blob", about.split()[2])

    def _settle(self) -> None:
        """Settings of the repository that are files."""
        place = self._root / ".git" / "info"
        place.mkdir(exist_ok=True)
        (place / "exclude").write_text(EXCLUDED, encoding="utf-8")
        (place / "attributes").write_text(ATTRIBUTES, encoding="utf-8")

    def _staged(self) -> str:
        """The tree of what is history as it is now, which the index holds then."""
        now = {os.fsencode(path.relative_to(self._root)) for path in self._folder.kept()}
        before = {os.fsencode(name) for name in self._git("ls-files", "-z").split("\0") if name}
        self._git("update-index", "--force-remove", "-z", "--stdin", given=b"\0".join(before - now))
        self._git("update-index", "--add", "-z", "--stdin", given=b"\0".join(sorted(now)))
        return self._git("write-tree")

    def _is_strange(self, name: str) -> bool:
        path = Path(name)
        ours = {*self._folder.owned} - {self._folder.results_md, self._folder.results_csv}
        return path.is_absolute() or ".." in path.parts or path.parts[0].startswith(".") or self._root / name in ours

    def _last(self) -> str:
        """The hash of the last commit, "" before the first."""
        return self._git("rev-parse", "HEAD") if self._git("for-each-ref", "--count=1", "refs/heads") else ""

    def _git(self, *arguments: str, given: bytes = b"") -> str:
        return os.fsdecode(self._output(*arguments, given=given)).removesuffix("\n")

    def _output(self, *arguments: str, given: bytes = b"") -> bytes:
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = ["git", "--literal-pathspecs", *settings, *arguments]
        environment = _environment(self._root)
        try:
            done = subprocess.run(
                command, cwd=self._root, env=environment, input=given, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise MachineError("git is not installed; install it (Debian: apt install git), then --resume.") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise MachineError(f"git {arguments[0]} failed: {said}. If the disk is full, make space; then --resume.")
        return done.stdout


def _environment(root: Path) -> Mapping[str, str]:
    """Nothing of ours but PATH; the repository is named, so that git never takes one of a folder above for it.

    What is missing in it is never fetched, by whatever command its configuration names for that.
    """
    who = {"NAME": "AI Scientist", "EMAIL": "ai-scientist@localhost"}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_DIR": str(root / ".git"),
        "GIT_COMMON_DIR": str(root / ".git"),  # else a file in it could name another repository to be written to
        "GIT_WORK_TREE": str(root),
        "LC_ALL": "C.UTF-8",
        **names,
    }
