"""The recordings that ship say nothing that their own study's check would send back, whatever was measured; and what
the agent is told of verdicts that do not last."""

import random
import re
from dataclasses import replace

import pytest

from ai_scientist import facts, notes, plotting
from ai_scientist.agents.model import Request
from ai_scientist.agents.recording import Recording
from ai_scientist.claims.check import check
from ai_scientist.claims.model import Results
from ai_scientist.lab import Turn, Usage
from ai_scientist.metrics import Measurement, Metrics
from ai_scientist.places import TEMPLATES
from ai_scientist.study.asking import prompt_for
from ai_scientist.study.events import AttemptEnded, BaselineMeasured, PlotEnded, TurnEnded
from ai_scientist.study.state import State
from ai_scientist.template import Template, read_template

GROKKING = ("final_train_loss", "final_val_loss", "final_train_acc", "final_val_acc", "step_val_acc_99")
NANOGPT = ("final_train_loss", "best_val_loss", "val_bits_per_byte", "total_train_time", "inference_tokens_per_second")
DIFFUSION = ("training_time", "eval_loss", "inference_time", "kl_divergence")
SHAPES = {
    "grokking": (("x_div_y", "x_minus_y", "x_plus_y", "permutation"), GROKKING),
    "nanogpt": (("opticks", "sqlite"), NANOGPT),
    "diffusion_2d": (("circle", "line", "moons", "butterfly"), DIFFUSION),
}
BLOCK = re.compile(
    r"^notes\.txt\n```\w*\n<<<<<<< SEARCH\n(.*?)\n=======\n(.*?)\n>>>>>>> REPLACE", re.DOTALL | re.MULTILINE
)
TURNS = [(f"run_{run}", run) for run in range(1, 6)] + [("notes", 0), ("describe", 0)]


def _measured(template: str, rng: random.Random) -> Metrics:
    """Made-up results of three seeds: accuracies within 0 and 1, whole steps, and now and then equal values."""

    def one(metric: str) -> Measurement:
        scale = rng.choice((0.01, 0.3, 5.0)) if rng.random() < 0.9 else 1.0
        values = [scale * rng.uniform(0.5, 1.5) for _ in range(3)]
        if "acc" in metric:
            values = [min(1.0, it) for it in values]
        if metric.startswith("step"):
            values = [2400.0] * 3 if rng.random() < 0.3 else [float(rng.randrange(100, 2400, 10)) for _ in range(3)]
        mean = sum(values) / 3
        return Measurement(mean, (sum((it - mean) ** 2 for it in values) / 6) ** 0.5, tuple(values))

    datasets, metrics = SHAPES[template]
    return {dataset: {metric: one(metric) for metric in metrics} for dataset in datasets}


def _state(template: Template, rng: random.Random) -> State:
    idea = next(idea for idea in template.ideas() if template.recording(idea.name))
    baseline = BaselineMeasured(_measured(template.name, rng), 1.0, False, "")
    runs = [AttemptEnded(run, 1, "ok", 1.0, _measured(template.name, rng), "", "", "") for run in range(1, 6)]
    names = [f"{metric}_{dataset}.png" for dataset in baseline.metrics for metric in ("train_loss", "val_acc")]
    plots = PlotEnded(1, "ok", 1.0, "", tuple(names) if template.name == "grokking" else (), "")
    setup = type("Setup", (), {"idea": idea, "profile": "quick", "device": "cpu"})()
    return State(setup=setup, baseline=baseline, attempts=tuple(runs), plots=(plots,))


@pytest.mark.parametrize("template", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_bundled_recording_says_nothing_false_at_any_turn(template: str, seed: int) -> None:
    home = read_template(TEMPLATES / template)
    whole = _state(home, random.Random(seed))
    assert whole.setup
    assert whole.baseline
    folder = home.recording(whole.setup.idea.name)
    assert folder
    text = notes.header(whole.setup.idea, "quick", "cpu", whole.baseline.metrics)
    labels = {}
    for key, run in TURNS:
        done = len(whole.attempts) if not run else run - 1
        state = replace(whole, attempts=whole.attempts[:done])
        turn = Turn(1, "run" if run else key, run, 1)
        reply = Recording(folder, lambda state=state: facts.facts(state, home)).reply(Request(turn, 0, (), "")).text
        for before, after in BLOCK.findall(reply):
            assert before in text
            text = text.replace(before, after, 1)
        if key == "describe":
            labels = plotting.labels((folder / "plot.attempt_1.md.j2").read_text())
        better = {name: metric.better for name, metric in home.metrics.items()}
        claims = check(text, Results(state.metrics, better, {int(name[4:]): it for name, it in labels.items()}))
        assert [claim for claim in claims if claim.verdict in ("contradicted", "unsupported")] == []
    assert sum(claim.verdict == "verified" for claim in claims) > 10


def test_every_bundled_recording_is_checked() -> None:
    assert {path.parent.parent.name for path in TEMPLATES.glob("*/recordings/*")} == {*SHAPES}


def test_verdict_that_more_comparisons_take_back_is_told_to_the_agent() -> None:
    home = read_template(TEMPLATES / "grokking")
    state = _state(home, random.Random(1))
    assert state.setup
    state.setup.max_runs = 6
    state = replace(state, turns=(TurnEnded(Turn(6, "run", 5, 1), "applied", (), "", False, "", Usage(), 1.0, ""),))
    (it,) = [it for it in facts.revised(state, home, 5) if it.metric == home.primary]
    assert (it.before, it.now) == ("worse", "no evidence")
    said = f'- run {it.run}, {it.dataset}, {it.metric}: was "worse", is "no evidence"'
    assert said in prompt_for(Turn(7, "run", 6, 1), state, home)
