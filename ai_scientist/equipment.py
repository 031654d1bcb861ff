"""What a study is done with, as its setup says: the model, the agent, the executor, the sandbox."""

from dataclasses import dataclass
from pathlib import Path

from ai_scientist.agents.aider_agent import AiderAgent
from ai_scientist.agents.litellm_model import LiteLLMModel, Price
from ai_scientist.agents.model import LanguageModel
from ai_scientist.agents.recording import Recording
from ai_scientist.agents.retry import Retrying
from ai_scientist.agents.transcript import Recorded, Replay, Transcript
from ai_scientist.console.screens import PlainScreen
from ai_scientist.facts import facts
from ai_scientist.lab import Lab
from ai_scientist.sandbox import Sandbox
from ai_scientist.sandbox.choose import choose
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.study.asking import summary_of
from ai_scientist.study.events import Event, Setup
from ai_scientist.study.folder import EDITABLE, StudyFolder
from ai_scientist.study.journal import Journal
from ai_scientist.study.orders import NO_RUN, while_running
from ai_scientist.study.state import fold
from ai_scientist.surroundings import Surroundings
from ai_scientist.template import Template


@dataclass(frozen=True)
class Study:
    """What belongs to one study while it is worked on."""

    journal: Journal
    folder: StudyFolder
    setup: Setup
    template: Template
    live: LiteLLMModel | None
    around: Surroundings


def equipped(study: Study, screen: PlainScreen) -> tuple[Lab, LanguageModel]:
    """The lab of a study, and the model that its agent asks."""
    transcript = Transcript(study.folder.transcript)
    model = Recorded(_model(study, screen, transcript), transcript)
    lab = Lab(
        _agent(study, model, transcript),
        study.around.executor(study.setup),
        screen,
        study.template,
        study.folder,
        cache_of(study.folder),
        sandbox_of(study.setup),
        lambda: study.around.spent(study.journal),
        lambda turn: any(exchange.turn == turn for exchange in transcript.exchanges),
    )
    return lab, model


def _agent(study: Study, model: LanguageModel, transcript: Transcript) -> AiderAgent:
    def earlier() -> list[int]:
        return [turn.turn.number for turn in fold(study.journal.events).turns]

    def summary() -> str:
        first = next((exchange.reply for exchange in transcript.exchanges if exchange.turn == 1), "")
        return summary_of(fold(study.journal.events), study.template, first)

    return AiderAgent(study.folder.root, EDITABLE, model, transcript, study.template.system, earlier, summary)


def _model(study: Study, screen: PlainScreen, transcript: Transcript) -> LanguageModel:
    if study.live is not None:
        retrying = Retrying(
            study.live,
            study.setup.retry_minutes,
            screen.say,
            left=lambda: _seconds_left(study),
            heed=lambda: while_running(study.folder, NO_RUN, lambda event: _record(study, screen, event)),
        )
        return study.around.limited(retrying, study.setup, transcript)
    path = Path(study.setup.recording)
    if path.is_dir():
        return Recording(path, lambda: facts(fold(study.journal.events), study.template))
    return Replay(path)


def _record(study: Study, screen: PlainScreen, event: Event) -> None:
    study.journal.append(event)
    screen.follow(event, fold(study.journal.events))


def _seconds_left(study: Study) -> float:
    return study.setup.budget.seconds_left(*study.around.spent(study.journal), for_gpu=False)


def live_model(setup: Setup) -> LiteLLMModel | None:
    """The real model of a study; None where a recording answers."""
    if setup.recording:
        return None
    return LiteLLMModel(setup.model, price=Price(*setup.price) if setup.price else None)


def sandbox_of(setup: Setup) -> Sandbox:
    return choose(allow_none=setup.sandbox == NoSandbox.name)


def cache_of(folder: StudyFolder) -> Path:
    return folder.root.parent / "baselines"
