"""One study from its flags to its summary: what it is done with, how it begins or goes on, and how it is left."""

import os
import shutil
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from ai_scientist import __version__
from ai_scientist.agents.aider_agent import AiderAgent
from ai_scientist.agents.litellm_model import LiteLLMModel
from ai_scientist.agents.model import LanguageModel
from ai_scientist.agents.recording import Recording
from ai_scientist.agents.transcript import Recorded, Replay, Transcript
from ai_scientist.console.screens import Log, screen_for
from ai_scientist.console.summary import show
from ai_scientist.errors import AIScientistError, StudyError, UsageError
from ai_scientist.executors.local import LocalExecutor, end_orphan
from ai_scientist.facts import facts
from ai_scientist.flags import MAX_ATTEMPTS, MAX_RUNS, PLOT_TIMEOUT, RUN_TIMEOUT, Flags
from ai_scientist.idea import Idea
from ai_scientist.lab import Lab
from ai_scientist.machine import probe
from ai_scientist.study import loop
from ai_scientist.study.events import Setup, Stopped
from ai_scientist.study.folder import EDITABLE, StudyFolder, create
from ai_scientist.study.journal import Journal, worked_seconds
from ai_scientist.study.state import fold
from ai_scientist.template import Template, read_template

DEFAULT_MODEL = "claude-opus-4-6"
KEY = "ANTHROPIC_API_KEY"


def plan(flags: Flags, template: Template, idea: Idea) -> Setup:
    """What a new study is started with. Raises UsageError for what can be seen to be wrong before it begins."""
    python = _interpreter(flags.python or sys.executable)
    machine = probe(python)
    profile = template.profile(flags.profile, machine.kind)
    model, recording = _voice(flags, template, idea)
    return Setup(
        idea,
        template.name,
        profile.name,
        profile.description,
        profile.environment,
        machine.device,
        model,
        recording,
        python,
        flags.max_runs or MAX_RUNS,
        flags.max_attempts or MAX_ATTEMPTS,
        flags.run_timeout or RUN_TIMEOUT,
        flags.plot_timeout or PLOT_TIMEOUT,
        {"ai-scientist": __version__, **machine.versions},
    )


def begin(flags: Flags, template: Template, setup: Setup) -> bool:
    """Start a study and work on it; whether it is complete."""
    folder = create(flags.results_dir.absolute(), template.name, setup.idea.name, datetime.now())
    with Journal(folder.journal, create=True) as journal:
        return start(journal, folder, template, setup)


def start(journal: Journal, folder: StudyFolder, template: Template, setup: Setup) -> bool:
    """Seed an empty study folder and work on it; whether it is complete."""
    loop.seed(journal, template.folder, folder.root, setup)
    return _work(journal, folder, setup, resumed=False)


def resume(flags: Flags, root: Path) -> bool:
    """Go on with an interrupted study; whether it is complete. Flags that are given replace those it was begun with."""
    if not root.is_dir():
        raise UsageError(f"--resume {root}: there is no such folder")
    folder = StudyFolder(root.absolute())
    if not folder.journal.is_file():
        raise UsageError(f"--resume {root} is not a study: it has no {folder.journal.name}")
    with Journal(folder.journal) as journal:
        before = fold(journal.events)
        if before.setup is None:
            raise StudyError(f"{root} was interrupted before it began; nothing is lost. Start it anew with --idea.")
        return _work(journal, folder, _changed(before.setup, flags), resumed=True)


def _changed(setup: Setup, flags: Flags) -> Setup:
    given = {
        name: value
        for name in ("max_runs", "max_attempts", "run_timeout", "plot_timeout")
        if (value := getattr(flags, name)) is not None
    }
    if flags.python:
        given["python"] = _interpreter(flags.python)
    if flags.model or flags.recording:
        given |= {"model": flags.model or "", "recording": str(_recording(flags.recording) if flags.recording else "")}
    return replace(setup, **given)


def _work(journal: Journal, folder: StudyFolder, setup: Setup, *, resumed: bool) -> bool:
    console = Console(highlight=False)
    template = read_template(folder.root)
    _greet(console, setup, folder)
    reason = ""
    with screen_for(console)(Log(folder.log), template, console) as screen:
        try:
            agent = _agent(journal, folder, setup, template)
            lab = Lab(agent, LocalExecutor(), screen, template, folder, folder.root.parent / "baselines")
            if resumed and not fold(journal.events).ended:
                loop.resume(journal, lab, setup, end_orphan)
            loop.pursue(journal, lab, screen.follow)
        except KeyboardInterrupt:
            reason = "interrupted"
        except AIScientistError as error:
            reason = str(error)
        if reason:
            with suppress(StudyError):  # a full disk: the journal is right as it stands
                journal.append(Stopped(reason))
            screen.say(f"stopped: {reason}")
    state = fold(journal.events)
    show(console, folder, state, template, worked_seconds(journal.entries))
    return bool(state.ended and state.ended.complete)


def _agent(journal: Journal, folder: StudyFolder, setup: Setup, template: Template) -> AiderAgent:
    transcript = Transcript(folder.transcript)
    model = Recorded(_model(journal, setup, template), transcript)

    def earlier() -> list[int]:
        return [turn.turn.number for turn in fold(journal.events).turns]

    # aider takes seconds to import: meanwhile the baseline runs.
    threading.Thread(target=AiderAgent.preload, daemon=True).start()
    return AiderAgent(folder.root, EDITABLE, model, transcript, template.system, earlier)


def _model(journal: Journal, setup: Setup, template: Template) -> LanguageModel:
    if not setup.recording:
        return LiteLLMModel(setup.model)
    path = Path(setup.recording)
    if path.is_dir():
        return Recording(path, lambda: facts(fold(journal.events), template))
    return Replay(path)


def _voice(flags: Flags, template: Template, idea: Idea) -> tuple[str, str]:
    """(model, recording): what was asked for, else Claude if there is a key, else the recording of the idea."""
    if flags.recording:
        return "", str(_recording(flags.recording))
    if flags.model or os.environ.get(KEY):
        return flags.model or DEFAULT_MODEL, ""
    shipped = template.recording(idea.name)
    if shipped is None:
        recorded = [other.name for other in template.ideas() if template.recording(other.name)]
        raise UsageError(
            f"no model for {idea.name}: set {KEY}, or name one with --model. Without a key these ideas of template "
            f"{template.name} can be tried by a recording: {', '.join(recorded) or 'none'}"
        )
    return "", str(shipped.absolute())


def _recording(path: Path) -> Path:
    if path.is_dir() or path.is_file():
        return path.absolute()
    raise UsageError(f"--recording {path}: there is no such file or folder")


def _interpreter(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UsageError(f"--python {name}: there is no such program")
    return str(Path(found).absolute())  # not resolved: a virtual environment is known by the link's place


def _greet(console: Console, setup: Setup, folder: StudyFolder) -> None:
    if setup.recording:
        console.print(
            f"No model is asked: the recording {Path(setup.recording).name} answers in its place. "
            f"Edits, runs, plots and numbers are real.\nFor a real model set {KEY}, or name any with --model.",
            style="yellow",
        )
    console.print(f"idea:    {setup.idea.name}: {setup.idea.title}", markup=False)
    if setup.model:
        console.print(f"model:   {setup.model}", markup=False)
    console.print(f"profile: {setup.profile}, on {setup.device}. {setup.profile_description}", markup=False)
    console.print(f"folder:  {folder.root}", markup=False, soft_wrap=True)
