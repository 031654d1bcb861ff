"""One study from its setup to its summary: how it begins or goes on, and how it is left."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ai_scientist import folders, foreign, planning, preflight
from ai_scientist.console.screens import Log, PlainScreen, clean
from ai_scientist.console.summary import show
from ai_scientist.equipment import Study, cache_of, equipped, live_model, sandbox_of
from ai_scientist.errors import OF_ALL, AIScientistError, StudyError, UsageError
from ai_scientist.executors.choose import end_left
from ai_scientist.flags import Flags
from ai_scientist.ideas.plain import one_line
from ai_scientist.interrupts import no_more
from ai_scientist.report.browser import open_where_there_is_a_screen
from ai_scientist.report.index import results_of
from ai_scientist.report.writing import Reporter
from ai_scientist.study import baseline, loop
from ai_scientist.study.events import Event, ModelAnswered, Setup, Stopped, StudyEnded
from ai_scientist.study.folder import StudyFolder, create
from ai_scientist.study.journal import Journal, spent_seconds
from ai_scientist.study.state import State, fold
from ai_scientist.surroundings import Surroundings, alone
from ai_scientist.template import Template, read_template


def begin(flags: Flags, template: Template, setup: Setup, around: Surroundings | None = None) -> bool:
    """Start a study and work on it; whether it is complete."""
    around = around or alone(flags.gpus)
    setup = _warmed(setup, around)
    results = flags.results_dir.absolute()
    preflight.check(setup, results, live_model(setup))
    if template.shipped_baseline and not setup.baseline:
        around.console.print(
            f"The template's own run_0 is not used: the baseline is measured here. To take it as it is, say --baseline "
            f"{template.shipped_baseline}",
            style="yellow",
            soft_wrap=True,
            markup=False,
        )
    folder = create(results, template.name, setup.idea.name, datetime.now())
    with Journal(folder.journal, create=True) as journal, _noting(journal, around):
        try:
            loop.seed(journal, template, folder.root, setup)
        except (AIScientistError, KeyboardInterrupt):
            folders.remove(folder.root)  # nothing was begun
            raise
        foreign.remember(folder)
        complete = _work(journal, folder, setup, around, results, resumed=False)
    _open(folder, flags, around)
    return complete


def _warmed(setup: Setup, around: Surroundings) -> Setup:
    """The setup as it is in force: studies side by side, whose runs wait for devices, keep no warmed parents."""
    return replace(setup, warm=setup.warm and around.warms)


def start(journal: Journal, folder: StudyFolder, template: Template, setup: Setup) -> bool:
    """Seed an empty study folder and work on it; whether it is complete."""
    loop.seed(journal, template, folder.root, setup)
    foreign.remember(folder)
    return _work(journal, folder, setup, alone(), None, resumed=False)


def resume(flags: Flags, root: Path, around: Surroundings | None = None) -> bool:
    """Go on with an interrupted study; whether it is complete. Flags that are given replace those it was begun with."""
    if not root.is_dir():
        raise UsageError(f"--resume {root}: there is no such folder")
    folder = StudyFolder(root.absolute())
    if not folder.journal.is_file():
        raise UsageError(f"--resume {root} is not a study: it has no {folder.journal.name}")
    foreign.refuse_links(folder)
    around = around or alone(flags.gpus)
    with Journal(folder.journal) as journal, _noting(journal, around):
        before = fold(journal.events)
        if before.setup is None:
            raise StudyError(f"{root} was interrupted before it began; nothing is lost. Start it anew with --idea.")
        if before.baseline is None and before.setup.baseline:
            raise StudyError(f"{root} was interrupted before it took its --baseline; nothing is lost. Start it anew.")
        setup = _warmed(planning.changed(before.setup, flags, read_template(folder.root)), around)
        preflight.check(setup, folder.root, live_model(setup))
        complete = _work(journal, folder, setup, around, results_of(folder.root), resumed=True)
    _open(folder, flags, around)
    return complete


@contextmanager
def _noting(journal: Journal, around: Surroundings) -> Iterator[None]:
    """An interruption is in the journal, also where there was no screen yet to say it on."""
    try:
        yield
    except KeyboardInterrupt:
        no_more()
        if journal.events and not isinstance(journal.events[-1], Stopped | StudyEnded):
            with suppress(StudyError):
                journal.append(Stopped(around.why()))
        raise


def _open(folder: StudyFolder, flags: Flags, around: Surroundings) -> None:
    if not flags.no_open and folder.report.is_file():
        open_where_there_is_a_screen(folder.report, os.environ, terminal=around.console.is_terminal)


def _work(
    journal: Journal, folder: StudyFolder, setup: Setup, around: Surroundings, results: Path | None, *, resumed: bool
) -> bool:
    """Work on a study; whether it is complete. `results`: the folder whose index lists it, if it is known."""
    study = Study(journal, folder, setup, read_template(folder.root), live_model(setup), around)
    _greet(study)
    interrupted = False
    with (
        around.screen(Log(folder.log), study.template, around.console) as screen,
        Reporter(folder, results, screen.say) as reporter,
    ):
        try:
            _pursue(study, screen, reporter, resumed=resumed)
        except KeyboardInterrupt:
            no_more()
            interrupted = True
            _stop(study, screen, around.why())
        except AIScientistError as error:
            _stop(study, screen, str(error))
            if isinstance(error, OF_ALL):
                around.of_all(str(error))
        except OSError as error:  # a full disk, a folder that became read-only: it can be any write
            _stop(study, screen, f"{error}. Make space, or the folder writable, then --resume.")
        finally:
            around.close()
    state = fold(journal.events)
    show(around.console, folder, state, study.template, spent_seconds(journal.entries)[0])
    if interrupted:
        raise KeyboardInterrupt  # the ideas that would follow are not begun either
    return bool(state.ended and state.ended.complete)


def _pursue(study: Study, screen: PlainScreen, reporter: Reporter, *, resumed: bool) -> None:
    if fold(study.journal.events).ended:
        return
    lab, model = equipped(study, screen)

    def follow(event: Event, state: State) -> None:
        screen.follow(event, state)
        reporter.changed()

    if resumed:
        loop.resume(study.journal, lab, study.setup, lambda left: end_left(left, study.setup.engine))
    elif study.live is not None:
        study.journal.append(ModelAnswered(preflight.ask(model)))
    loop.pursue(study.journal, lab, follow)


def _stop(study: Study, screen: PlainScreen, reason: str) -> None:
    if fold(study.journal.events).ended:
        return
    with suppress(StudyError):  # a full disk: the journal is right as it stands
        study.journal.append(Stopped(reason))
    with suppress(StudyError):
        screen.say(f"stopped: {reason}")


def _greet(study: Study) -> None:
    setup, console = study.setup, study.around.console
    if study.live is None:
        console.print(
            f"No model is asked: the recording {Path(setup.recording).name} answers in its place. Edits, runs, plots "
            f"and numbers are real.\nFor a real model set {planning.KEY}, or name any with --model.",
            style="yellow",
            markup=False,
        )
    known = baseline.recorded_seconds(baseline.kept(cache_of(study.folder), study.folder, setup))
    lines = [
        f"idea:    {setup.idea.name}: {one_line(setup.idea.title, 300)}",
        f"model:   {setup.model or 'none, a recording'}",
        f"profile: {setup.profile}, on {setup.device}. {one_line(setup.profile_description, 300)}",
        *preflight.plan(setup, study.folder.root, study.live, known, sandbox_of(setup).describe()),
        *([f"engine:  {setup.engine.name}; runs on {setup.hardware}"] if setup.engine.name != "local" else []),
        f"folder:  {study.folder.root}",
    ]
    for line in lines:
        console.print(clean(line), markup=False)
        Log(study.folder.log).write(line)
