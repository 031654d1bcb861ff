"""Templates: the folder that a study starts from, read and checked as far as a study needs it."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError

from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.idea import Idea, read_ideas

CODE = ("experiment.py", "plot.py")
IDEAS = ("ideas.json", "seed_ideas.json")
MAX_BYTES = 2_000_000
# The profile in which a whole run takes seconds: edits are tried by it.
SMOKE = "smoke"
MAX_VARIABLE = 32_000  # the kernel starts no program with one of 131,072 bytes
# Metrics that depend on the machine's mood and may differ from run to run.
TIMING = re.compile(
    r"(?:^|_)(?:time|times|second|seconds|secs?|ms|duration|latency|speed|throughput|fps|memory)(?:_|$)"
)
DeviceKind = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Metric:
    """How a metric is read: which direction is better (None: not said) and its name in words."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    better: Literal["lower", "higher"] | None = None
    label: str = ""


@dataclass(frozen=True)
class Profile:
    """A size of the experiment: the environment variables by which the template's own code chooses it."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    description: str = ""
    default_on: Literal["", "cpu", "gpu"] = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_environment(self.environment)


@dataclass(frozen=True)
class Protected:
    """The yardstick: files, and functions, classes and constants of experiment.py, that no edit may change."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    files: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()


NOTHING_PROTECTED = Protected()


@dataclass(frozen=True)
class Template:
    """A folder with an experiment; `system` and `task` come from prompt.json, the rest from template.toml, if any.

    `data` are folders that its runs may read, `network` says that they need one. `paired`: the n-th value of a metric
    comes from the same seed in every run, so that runs are compared seed by seed. `python` is the interpreter that runs
    its scripts, or of which its environment is made where it has a requirements.txt; "": the one of ai-scientist.
    """

    folder: Path
    system: str
    task: str
    description: str = ""
    primary: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    protected: Protected = NOTHING_PROTECTED
    data: tuple[str, ...] = ()
    network: bool = False
    paired: bool = False
    python: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def label(self, metric: str) -> str:
        """A metric's name in words, as far as the template gives one."""
        return self.metrics.get(metric, Metric()).label or metric

    def ideas(self) -> tuple[Idea, ...]:
        """All ideas, of ideas.json or, where there is none, seed_ideas.json."""
        for name in IDEAS:
            if (self.folder / name).exists():
                return read_ideas(self.folder / name)
        raise UsageError(f"template {self.folder} has no ideas: neither {' nor '.join(IDEAS)} is there")

    @property
    def shipped_baseline(self) -> Path | None:
        """A run_0 that came with the template: measured on another machine, and so used only if the user says so."""
        folder = self.folder / "run_0"
        return folder if (folder / "final_info.json").is_file() else None

    def recording(self, idea: str) -> Path | None:
        """The recording for an idea that ships with the template."""
        path = self.folder / "recordings" / idea
        return path if path.is_dir() else None

    def profile(self, name: str | None, device: DeviceKind) -> Profile:
        """The profile of that name, or the device's default, or (for a template without any) a plain one."""
        if name is not None and name not in self.profiles:
            known = ", ".join(self.profiles) or "none: it has no template.toml with profiles"
            raise UsageError(f'template {self.name} has no profile "{name}" (it has: {known})')
        if name is not None:
            return self.profiles[name]
        defaults = [profile for profile in self.profiles.values() if profile.default_on == device]
        return next(iter([*defaults, *self.profiles.values()]), Profile("default"))


def check_environment(variables: Mapping[str, str]) -> None:
    """Raises ValueError for what no program can be given as an environment variable."""
    for name, value in variables.items():
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or "\0" in value:
            raise ValueError(f"{name!r} cannot be an environment variable")
        if len(value) > MAX_VARIABLE:
            raise ValueError(f"the environment variable {name} is longer than {MAX_VARIABLE:,} characters")


def read_template(folder: Path) -> Template:
    """The template in a folder. Raises UsageError naming the file that is missing or wrong."""
    for name in CODE:
        if not (folder / name).is_file():
            raise UsageError(f"template {folder} has no {name}")
    if not (folder / "prompt.json").exists():
        raise UsageError(f"template {folder} has no prompt.json")
    prompt = _read_prompt(folder / "prompt.json")
    settings = _read_toml(folder / "template.toml")
    return Template(folder, prompt["system"], prompt["task_description"], **settings)


def metrics_of(folder: Path) -> Mapping[str, Metric]:
    """What the template.toml of a folder says of its metrics; nothing where there is none."""
    return dict(_read_toml(folder / "template.toml").get("metrics", {}))


def primary_of(folder: Path) -> str:
    """The primary metric that the template.toml of a folder names, or ""."""
    return str(_read_toml(folder / "template.toml").get("primary", ""))


def find_templates(root: Path) -> tuple[Path, ...]:
    """The folders under `root` that hold an experiment.py, by name. Raises UsageError where there is none."""
    folders = tuple(sorted(path.parent for path in root.glob("*/experiment.py"))) if root.is_dir() else ()
    if not folders:
        raise UsageError(f"no template found: {root} has no folder with an experiment.py")
    return folders


def _read_prompt(path: Path) -> dict[str, str]:
    try:
        content = json.loads(read_text(path, MAX_BYTES))
    except UnreadableFile as error:
        raise UsageError(f"{path} {error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid JSON: {error}") from None
    fields = ("system", "task_description")
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in fields):
        raise UsageError(f'{path} must be an object with texts in "system" and "task_description"')
    return content


@dataclass(frozen=True)
class _Settings:
    """The content of a template.toml; an unknown key is an error, so that a misspelt one is not passed over."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    description: str = ""
    primary: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    protected: Protected = NOTHING_PROTECTED
    data: tuple[str, ...] = ()
    network: bool = False
    paired: bool = False
    python: str = ""


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return settings(tomllib.loads(read_text(path, MAX_BYTES)))
    except UnreadableFile as error:
        raise UsageError(f"{path} {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def settings(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Template that a template.toml gives. Raises pydantic's ValidationError with all that is wrong."""
    profiles = content.get("profiles")
    if isinstance(profiles, dict):
        named = {key: {**it, "name": key} if isinstance(it, dict) else it for key, it in profiles.items()}
        content = content | {"profiles": named}
    return vars(TypeAdapter(_Settings).validate_python(content))
