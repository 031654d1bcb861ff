"""The grokking trainings as one batched program: the numbers of one by one, under edits that know nothing of it."""

import importlib.util
import re
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TEMPLATE = Path(__file__).parents[1] / "templates" / "grokking"
JOBS = [("x_div_y", 0), ("permutation", 0), ("x_plus_y", 1), ("permutation", 1)]
Edits = tuple[tuple[str, str], ...]

BACKWARD = "        loss.backward()\n"
STEP = "        optimizer.step()\n"
INITIALISE = "        self.initialise_weights()\n"
OPTIMIZER = "    optimizer, schedule = make_optimizer(model, settings)\n"
JOIN = "    model = join(Transformer(settings, data.vocabulary, data.symbols).to(device))\n"
ANSWER = "        return self.head(self.norm(x[:, -1]))\n"
LBFGS = """
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)
"""
CLOSURE = """
        def again():
            optimizer.zero_grad()
            it = nn.functional.cross_entropy(model(data.train_tokens[batch]), data.train_answers[batch])
            it.backward()
            return it
        optimizer.step(again)
"""
COPY = """
        import copy
        model.eval()
        assert torch.equal(copy.deepcopy(model)(data.val_tokens), model(data.val_tokens))
        model.train()
"""
SECOND = """
        (model(data.train_tokens[batch]).square().mean() * 0.1).backward()
        optimizer.step()
"""
MANY = """
        loss = loss + sum(model(data.train_tokens[batch[:size]]).square().mean() for size in range(1, 4))
        loss.backward()
"""
AGAIN = """
        loss.backward(retain_graph=True)
        loss.backward()
"""
GRADIENTS = """
        for p, g in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
            p.grad = g
"""
TOGETHER: dict[str, Edits] = {
    "nothing": (),
    "clipping of the whole gradient": ((STEP, "        nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n" + STEP),),
    "a penalty on the weights": (
        (BACKWARD, "        loss = loss + sum(p.square().sum() for p in model.parameters())\n" + BACKWARD),
    ),
    "some steps left out": ((BACKWARD, "        if loss.item() < 2.2:\n    " + BACKWARD),),
    "random numbers in the loop": ((BACKWARD, "        (loss * torch.rand(()) * random.random()).backward()\n"),),
    "a second pass": ((STEP, STEP + SECOND),),
    "many passes and one backward": ((BACKWARD, MANY),),
    "an optimizer with a closure": (
        (OPTIMIZER, OPTIMIZER + LBFGS),
        (STEP, CLOSURE),
    ),
    "frozen weights": ((OPTIMIZER, "    model.token_embedding.weight.requires_grad_(False)\n" + OPTIMIZER),),
    "a copy of the model": ((STEP, STEP + COPY),),
}
APART: dict[str, Edits] = {
    "dropout": ((ANSWER, ANSWER.replace("x[:, -1]", "nn.functional.dropout(x[:, -1], 0.1, self.training)")),),
    "a branch on the data": ((ANSWER, "        if x.mean().item() > 0:\n            x = 2 * x\n" + ANSWER),),
    "batch normalisation": (("        self.norm = nn.LayerNorm(", "        self.norm = nn.BatchNorm1d("),),
    "a count of its calls": (
        (INITIALISE, INITIALISE + "        self.calls = 0\n"),
        (ANSWER, "        self.calls += 1\n" + ANSWER.rstrip() + " / self.calls\n"),
    ),
    "a number of its own": (
        (INITIALISE, INITIALISE + "        self.scale = random.random()\n"),
        (ANSWER, ANSWER.rstrip() + " * self.scale\n"),
    ),
    "a hook on gradients": ((JOIN, JOIN + "    model.head.weight.register_hook(lambda gradient: 2 * gradient)\n"),),
    "two backward passes of one loss": ((BACKWARD, AGAIN),),
    "torch.autograd.backward": ((BACKWARD, "        torch.autograd.backward(loss)\n"),),
    "torch.autograd.grad": ((BACKWARD, GRADIENTS),),
    "a model that does not join": ((JOIN, JOIN.replace("join(", "(")),),
}


def load(folder: Path, edits: Edits) -> ModuleType:
    """experiment.py as a module, with edits."""
    code = (TEMPLATE / "experiment.py").read_text(encoding="utf-8")
    for old, new in edits:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    script = folder / "edited_experiment.py"
    script.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def both_ways(folder: Path, edits: Edits) -> tuple[list[Any], list[Any]]:
    """The results of JOBS as one program, and one by one."""
    experiment = load(folder, edits)
    settings = experiment.PROFILES["smoke"]
    threads = experiment.torch.get_num_threads()
    experiment.torch.set_num_threads(1)
    try:
        progress = experiment.Progress(JOBS, settings.steps)
        together = experiment.train_as_one(JOBS, settings, "cpu", progress)
        return together, experiment.train_one_by_one(JOBS, settings, "cpu", progress)
    finally:
        experiment.torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def beside_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TEMPLATE)


@pytest.mark.parametrize("edits", TOGETHER.values(), ids=TOGETHER)
def test_trainings_as_one_program_give_the_numbers_of_each_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edits: Edits
) -> None:
    together, alone = both_ways(tmp_path, edits)
    said = re.search(r"(\d+) of (\d+) calls of models were computed together", capsys.readouterr().out)
    assert said is not None
    assert int(said[1]) > int(said[2]) / 2  # the tables differ in size, and some evaluations with them
    for (metrics, curves), (its_metrics, its_curves) in zip(together, alone, strict=True):
        assert metrics == pytest.approx(its_metrics, rel=1e-3, abs=1e-4)
        assert all(curves[name] == pytest.approx(its_curves[name], rel=1e-3, abs=1e-4) for name in its_curves)


@pytest.mark.parametrize("edits", APART.values(), ids=APART)
def test_trainings_that_cannot_be_one_program_are_done_one_by_one_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edits: Edits
) -> None:
    together, alone = both_ways(tmp_path, edits)
    assert "one training at a time, as" in capsys.readouterr().out
    assert together == alone
    assert threading.active_count() == 1


def test_an_error_in_a_training_ends_the_others_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="at step 10 train_loss is nan") as raised:
        both_ways(tmp_path, ((BACKWARD, BACKWARD.replace("loss", "(loss * math.nan)")),))
    assert any(entry.name == "train" for entry in raised.traceback)
    assert threading.active_count() == 1


def test_a_model_that_changes_how_it_computes_is_noticed_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("together.CHECK_EVERY", 5)
    late = (JOIN, JOIN + "    model.scale = 1\n"), (ANSWER, ANSWER.rstrip() + " * getattr(self, 'scale', 1)\n")
    together, alone = both_ways(tmp_path, (*late, (STEP, STEP + "        model.scale = 1 + (step > 3) * (1 + seed)\n")))
    assert "models computed together give other answers than each by itself" in capsys.readouterr().out
    assert together == alone
