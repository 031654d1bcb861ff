"""What can happen in a study: small frozen events, joined in one union.

Log, live view, resume and cost all derive from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ai_scientist.budget import Budget
from ai_scientist.claims.model import Claim, ClaimsMode
from ai_scientist.idea import Idea
from ai_scientist.lab import EditStatus, Engine, Limits, RunningId, Turn, Usage
from ai_scientist.metrics import Measurement
from ai_scientist.study.orders import Order
from ai_scientist.yardstick.seal import Seal

LOCAL = Engine()
Outcome = Literal["ok", "crashed", "timed_out", "stopped", "no_results", "skipped", "refused"]
PlotOutcome = Literal["ok", "crashed", "timed_out", "stopped", "no_plots", "missing_labels"]


@dataclass(frozen=True)
class Setup:
    """What a study is done with. `limits` are those of a run; `smoke` is the environment of a trial of each edit.

    Seconds where not said otherwise; `price` is USD a million tokens of prompt and reply, None where litellm knows it.
    `sandbox` names what is in force; `network` and `data` say what runs may reach and read beyond the study.
    `baseline` is a run_0 measured elsewhere that the user wants to be taken, "" where it is measured here.
    `claims` says what becomes of false claims in notes.txt. `approve`: a person is asked before each run.
    `hardware` is the machine that runs are done on, in words, `engine` what carries them there. `warm`: runs are forked
    from a warmed parent where that is safe.
    """

    idea: Idea
    template: str
    profile: str
    profile_description: str
    environment: Mapping[str, str]
    device: str
    model: str
    recording: str
    python: str
    max_runs: int
    max_attempts: int
    limits: Limits
    plot_timeout: float
    budget: Budget
    retry_minutes: float
    price: tuple[float, float] | None
    smoke: Mapping[str, str] | None
    sandbox: str
    network: bool
    data: tuple[str, ...]
    versions: Mapping[str, str]
    baseline: str = ""
    claims: ClaimsMode = "fix"
    approve: bool = False
    hardware: str = ""
    warm: bool = False
    engine: Engine = LOCAL


@dataclass(frozen=True)
class StudyStarted:
    """The folder is seeded with the template's files and committed; `seal` is what no edit may change."""

    setup: Setup
    code: str
    commit: str
    seal: Seal


@dataclass(frozen=True)
class StudyResumed:
    """A later process goes on, with the setup that is in force from now."""

    setup: Setup


@dataclass(frozen=True)
class ModelAnswered:
    """The model answered the first, tiny request: key and name are right."""

    usage: Usage


@dataclass(frozen=True)
class BaselineMeasured:
    """run_0 is there, taken from the cache or run now; `seconds` is what running it took, then or now.

    `origin` is the folder that it was taken from where it was measured elsewhere; then `seconds` is 0: not known.
    """

    metrics: Mapping[str, Mapping[str, Measurement]]
    seconds: float
    cached: bool
    commit: str
    origin: str = ""


@dataclass(frozen=True)
class TurnEnded:
    """The coding agent was called. `code` is a hash of experiment.py after it.

    The checks of notes.txt after the turn: `missing_sections` are finished runs without a section, `undescribed` plots
    that it does not name, `phantoms` plots that it names and that do not exist, `claims` those that are contradicted or
    unsupported by the results.
    """

    turn: Turn
    status: EditStatus
    files: tuple[str, ...]
    detail: str
    finished: bool
    code: str
    usage: Usage
    seconds: float
    commit: str
    missing_sections: tuple[int, ...] = ()
    undescribed: tuple[str, ...] = ()
    phantoms: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class AttemptStarted:
    """A process or a job is about to be let go: of a run, of the baseline (run 0), or of plot.py (run -1)."""

    run: int
    attempt: int
    process: RunningId


@dataclass(frozen=True)
class StartedCold:
    """This run was started anew, though runs are forked: told once for each reason, and each time a parent has died."""

    run: int
    attempt: int
    why: str


@dataclass(frozen=True)
class Steered:
    """A person asked something of the study while it ran."""

    order: Order


@dataclass(frozen=True)
class RunApproved:
    """A person has seen the code of this attempt and lets it run."""

    run: int
    attempt: int


@dataclass(frozen=True)
class AttemptEnded:
    """An execution of experiment.py for a run. `metrics` is None unless it is ok; `feedback` is for the agent.

    A person may have "skipped" the run, while it ran or before, or "refused" to have it run; then `feedback` says why.

    `smoke`: it failed already in the trial with the smoke profile, and the full run was spared. `flags` say what looks
    odd about the code or the results of a run that went well.
    """

    run: int
    attempt: int
    outcome: Outcome
    seconds: float
    metrics: Mapping[str, Mapping[str, Measurement]] | None
    feedback: str
    code: str
    commit: str
    smoke: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlotEnded:
    """An execution of plot.py, with the PNG files there are now."""

    attempt: int
    outcome: PlotOutcome
    seconds: float
    feedback: str
    plots: tuple[str, ...]
    commit: str


@dataclass(frozen=True)
class Stopped:
    """A limit was reached, a provider failed, or a person stopped it: the study can be resumed."""

    reason: str


@dataclass(frozen=True)
class StudyEnded:
    """Nothing is left to do. `remarks` say what is not as it should be; complete if there is none that matters."""

    complete: bool
    remarks: tuple[str, ...] = field(default=())


Event = (
    StudyStarted
    | StudyResumed
    | ModelAnswered
    | BaselineMeasured
    | TurnEnded
    | AttemptStarted
    | StartedCold
    | Steered
    | RunApproved
    | AttemptEnded
    | PlotEnded
    | Stopped
    | StudyEnded
)
