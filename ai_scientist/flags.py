"""The flags of the launcher, with defaults from configuration files. A bad value is one clear line and exit code 2."""

import argparse
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, get_args

import psutil

from ai_scientist.amounts import count, named, path, positive, price
from ai_scientist.claims.model import ClaimsMode
from ai_scientist.errors import UsageError
from ai_scientist.executors.options import OF_THE_MACHINE, add_devices, of_others
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import EngineName
from ai_scientist.places import TEMPLATES, user_configuration

GIGABYTE = 1_000_000_000
DEFAULT_MODEL = "claude-opus-4-6"
DEFAULTS: Mapping[str, Any] = {
    "max_runs": 5,
    "max_attempts": 4,
    "run_timeout": 7200.0,
    "plot_timeout": 600.0,
    "retry_for": 30.0,
    "claims": "fix",
    "stall_timeout": 1800.0,
    "max_output": 0.1,
    "max_processes": 1000,
    "max_disk": 20.0,
    "gpus_per_run": 1,
    "runs_per_gpu": 1,
    # What is left is for the orchestrator and the system: a run that eats all memory would take them with it.
    "max_memory": None,
}
BY_A_FILE = ", by a configuration file"
# What a configuration file may not say: it is about one study.
NOT_CONFIGURED = {
    *("idea", "all", "idea_file", "idea_text", "resume", "list_ideas"),
    *("recording", "no_sandbox", "allow_network", "data", "baseline", "approve", "no_open", "cold_runs"),
}


class Parser(argparse.ArgumentParser):
    """argparse with one line for an error, instead of the whole usage, and with flags by their whole names alone."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


@dataclass(frozen=True)
class Flags:
    """What was asked for. None: not given, so that --resume keeps what the study was started with."""

    idea: list[str]
    idea_file: Path | None
    idea_text: str | None
    all: bool
    template: str | None
    templates_dir: Path
    results_dir: Path
    model: str | None
    recording: Path | None
    profile: str | None
    python: str | None
    resume: Path | None
    list_ideas: bool
    no_sandbox: bool
    allow_network: bool
    no_open: bool
    cold_runs: bool
    data: list[Path]
    baseline: Path | None
    claims: ClaimsMode | None
    approve: bool | None
    max_runs: int | None
    max_attempts: int | None
    run_timeout: float | None
    plot_timeout: float | None
    max_cost: float | None
    max_tokens: int | None
    max_hours: float | None
    max_gpu_hours: float | None
    price_in: float | None
    price_out: float | None
    retry_for: float | None
    stall_timeout: float | None
    max_memory: float | None
    max_output: float | None
    max_processes: int | None
    max_disk: float | None
    parallel: int | None
    gpus: tuple[str, ...] | None
    gpus_per_run: int | None
    runs_per_gpu: int | None
    executor: EngineName | None
    ray_address: str | None
    slurm_options: tuple[tuple[str, str], ...] | None
    cpus_per_run: int | None

    def value(self, name: str) -> Any:
        """What was given, else the default."""
        given = getattr(self, name)
        if given is None and name == "max_memory":
            return 0.9 * psutil.virtual_memory().total / GIGABYTE
        return DEFAULTS.get(name) if given is None else given


def parse(arguments: list[str]) -> Flags:
    """The flags, those of the configuration files first; exits with code 2 and one line where they are wrong."""
    parser = Parser(
        prog="launch_scientist.py",
        description="Pursue research ideas: edit the experiment, run it, read the results, plot, write notes.",
        epilog="Defaults may stand in [tool.ai-scientist] of ./pyproject.toml or in the file "
        f"{user_configuration()}, with the names of the flags: max-cost = 5.",
    )
    _add_choices(parser)
    _add_limits(parser)
    add_devices(parser)
    known = settings()
    typed = Flags(**vars(parser.parse_args(arguments)))
    # A resumed study keeps what it was begun with, unless something else is typed now.
    others = of_others(typed.executor) if typed.executor else set()
    wanted = known & OF_THE_MACHINE if typed.resume else known - ({"model"} if typed.recording else set())
    from_files = configured(wanted - others, known)
    parser.prog += BY_A_FILE
    parser.parse_args(from_files)  # what is wrong there was not typed
    parser.prog = parser.prog.removesuffix(BY_A_FILE)
    flags = Flags(**vars(parser.parse_args([*from_files, *arguments])))
    _check(parser, flags)
    return flags


def _check(parser: Parser, flags: Flags) -> None:
    brought = flags.idea_file is not None or flags.idea_text is not None
    wanted = flags.idea or flags.all or brought
    if not (wanted or flags.resume or flags.list_ideas):
        parser.error(
            "say what to do: --idea NAME, --all, --idea-file FILE, --idea-text TEXT, --resume FOLDER or --list-ideas"
        )
    if flags.all and (flags.idea or brought):
        parser.error("--all means every idea there is; leave --idea and the like out")
    if flags.resume and (wanted or flags.profile or flags.template or flags.baseline):
        parser.error(
            "--resume goes on with the idea, template, profile and baseline of its study; leave those flags out"
        )
    if flags.model and flags.recording:
        parser.error("--model and --recording exclude each other")
    if (flags.price_in is None) != (flags.price_out is None):
        parser.error("--price-in and --price-out belong together")


def settings() -> set[str]:
    """The names that a configuration file may hold."""
    return {field.name for field in fields(Flags)} - NOT_CONFIGURED


def configured_model() -> str | None:
    """The model that the user's own configuration file names; not that of a folder, which may be another's."""
    return _toml(user_configuration()).get("model")


def configured(wanted: set[str], known: set[str]) -> list[str]:
    """The `wanted` flags that the user's configuration file and then [tool.ai-scientist] of ./pyproject.toml hold.

    Raises UsageError for a name that is not `known`.
    """
    user, project = user_configuration(), Path("pyproject.toml")
    tables = [(user, _toml(user)), (project, _table(_table(_toml(project), "tool"), "ai-scientist"))]
    arguments = []
    for file, table in tables:
        for key, value in table.items():
            name = key.replace("-", "_")
            if name not in known or isinstance(value, bool | list | dict):
                raise UsageError(f"{file}: {key} = {value!r} is not a setting; use the names of the flags")
            if name in wanted:
                arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table of that name, empty where there is none. Raises UsageError for something else of that name."""
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"pyproject.toml: {name} = {table!r} is no table; settings stand in [tool.ai-scientist]")
    return table


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(read_text(path, GIGABYTE // 1000))
    except (UnreadableFile, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}") from None


def _add_choices(parser: Parser) -> None:
    add = parser.add_argument
    add("--idea", action="append", default=[], metavar="NAME", help="an idea to pursue; may be given several times")
    add("--idea-file", type=path, metavar="FILE", help="an idea of your own: a JSON file as an entry of ideas.json")
    add("--idea-text", metavar="TEXT", help="an idea of your own in words")
    add("--all", action="store_true", help="pursue all ideas, of --template if it is given")
    add("--template", metavar="NAME", help="the template of the idea")
    add("--templates-dir", type=path, default=TEMPLATES, metavar="DIR", help="where the templates are")
    add("--results-dir", type=path, default=Path("results"), metavar="DIR", help="where studies go (default: results)")
    add("--model", type=named, metavar="NAME", help="the model, by litellm's name: claude-opus-4-6, openai/NAME, ...")
    add("--recording", type=path, metavar="PATH", help="a recording's folder or a transcript.jsonl, instead of a model")
    add("--profile", metavar="NAME", help="the size of the experiment (default: the template's for this device)")
    add("--python", type=named, metavar="PATH", help="what runs experiment.py and plot.py (default: this Python)")
    add("--claims", choices=get_args(ClaimsMode), help="false claims in notes.txt: fix (default), warn, off")
    add("--resume", type=path, metavar="FOLDER", help="go on with an interrupted study, or all in a folder")
    add("--no-sandbox", action="store_true", help="run model-written code without a sandbox: it can do what you can")
    add("--allow-network", action="store_true", help="let runs of a template that says so use the network")
    add(
        "--data",
        type=path,
        action="append",
        default=[],
        metavar="PATH",
        help="data outside the template that runs may read; may be given several times",
    )
    add(
        "--baseline",
        type=path,
        metavar="FOLDER",
        help="take this run_0, measured elsewhere, instead of measuring it here",
    )
    asking = argparse.BooleanOptionalAction
    add("--approve", action=asking, help="ask before each run, showing what the agent changed; needs a terminal")
    add("--no-open", action="store_true", help="do not open the report in a browser at the end")
    add("--cold-runs", action="store_true", help="start each run anew, instead of forking it from a warmed parent")
    add("--list-ideas", action="store_true", help="list the ideas of all templates")


def _add_limits(parser: Parser) -> None:
    def add(flag: str, kind: Callable[[str], object], unit: str, help_: str) -> None:
        default = DEFAULTS.get(flag.replace("-", "_"))
        said = f" (default: {default:g})" if default is not None else ""
        parser.add_argument(f"--{flag}", type=kind, metavar=unit, help=help_ + said)

    add("max-runs", count, "N", "runs of a study")
    add("max-attempts", count, "N", "attempts of each run and of plot.py")
    add("run-timeout", positive, "SECONDS", "time of one attempt of a run")
    add("plot-timeout", positive, "SECONDS", "time of plot.py")
    add("max-cost", positive, "USD", "cost of the whole study")
    add("max-tokens", count, "N", "tokens of the whole study, prompts and replies")
    add("max-hours", positive, "H", "hours of work on the whole study")
    add("max-gpu-hours", positive, "H", "hours of its runs on a GPU")
    add("price-in", price, "USD", "price of a million prompt tokens, where litellm does not know it")
    add("price-out", price, "USD", "price of a million tokens of the replies")
    add("retry-for", positive, "MINUTES", "how long a provider's passing fault is waited out")
    add("stall-timeout", positive, "SECONDS", "end a run that neither prints nor computes for so long")
    add("max-memory", positive, "GB", "memory of a run (default: 90%% of the machine's)")
    add("max-output", positive, "GB", "what a run may print")
    add("max-processes", count, "N", "processes of a run")
    add("max-disk", positive, "GB", "what a run may write")
