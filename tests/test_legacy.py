"""Templates in the layout of earlier systems run as they are, and what they lack is said plainly."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import Bench, add_notes, block

from ai_scientist import launch
from ai_scientist.hints import hint
from ai_scientist.metrics import InvalidMetrics, read_metrics
from ai_scientist.study.events import BaselineMeasured, StudyEnded
from ai_scientist.study.folder import copy_template

LEGACY = Path(__file__).parent / "templates" / "legacy"
RATE = 'parser.add_argument("--learning_rate", type=float, default=0.1)'
FASTER = {
    "run_1.attempt_1": block("experiment.py", RATE, RATE.replace("0.1", "0.3"))
    + add_notes("Description: Baseline results.", "## Run 1: rate 0.3\nThe rate is tripled."),
    "notes.attempt_1": add_notes("The rate is tripled.", "It helps.\n\n## Conclusion\nFaster."),
    "plot.attempt_1": block(
        "plot.py", '    "run_0": "Baseline",', '    "run_0": "Baseline",\n    "run_1": "rate 0.3",'
    ),
    "describe.attempt_1": add_notes("Faster.", "## Plots\n- train_loss.png: one row a run."),
}
IDEA = "learning_rate_schedule"


@pytest.fixture
def legacy(bench: Bench) -> Path:
    shutil.copytree(LEGACY, bench.root / "templates" / "legacy")
    return bench.root / "templates" / "legacy"


def _study(bench: Bench, *flags: str) -> int:
    return bench.launch("--recording", str(bench.record(FASTER)), "--max-runs", "1", *flags, idea=IDEA)


def _folder(bench: Bench) -> Path:
    (found,) = [path.parent for path in bench.results.glob("legacy/*/journal.jsonl")]
    return found


def test_old_layout_runs_unmodified(bench: Bench, legacy: Path, capsys: pytest.CaptureFixture) -> None:
    assert _study(bench) == 0
    study = _folder(bench)
    assert (study / "run_1" / "all_results.pkl").is_file()
    assert (study / "train_loss.png").is_file()
    assert not (study / "latex").exists()
    assert "The template's own run_0 is not used" in capsys.readouterr().out
    assert read_metrics(study / "run_0" / "final_info.json")["near"]["training_time"].mean != 42


def test_shipped_baseline_is_taken_where_the_user_says_so(
    bench: Bench, legacy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert _study(bench, "--baseline", str(legacy / "run_0")) == 0
    study = _folder(bench)
    monkeypatch.setattr(Bench, "folder", property(lambda _: study))
    (measured,) = bench.of(BaselineMeasured)
    assert measured.metrics["near"]["training_time"].mean == 42
    assert f"the baseline was not measured here but taken from {legacy / 'run_0'}" in bench.of(StudyEnded)[0].remarks
    assert "not measured here" in capsys.readouterr().out


def test_baseline_that_is_none_is_bad_input(bench: Bench, legacy: Path, capsys: pytest.CaptureFixture) -> None:
    assert _study(bench, "--baseline", str(legacy)) == 2
    assert "final_info.json was not written" in capsys.readouterr().err


def test_broken_template_does_not_keep_the_others_from_use(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    (bench.root / "templates" / "half").mkdir()
    (bench.root / "templates" / "half" / "experiment.py").touch()
    assert launch.main(["--templates-dir", "templates", "--list-ideas"]) == 0
    out = capsys.readouterr().out
    assert "learning_rate" in out
    assert "passed over: template templates/half has no plot.py" in out
    assert bench.launch(idea="nothing_like_it") == 2
    assert "has no plot.py" in capsys.readouterr().err
    assert bench.launch("--template", "half") == 2


def test_without_any_ideas_both_files_are_named(bench: Bench, legacy: Path, capsys: pytest.CaptureFixture) -> None:
    (legacy / "seed_ideas.json").unlink()
    assert bench.launch("--template", "legacy") == 2
    assert "neither ideas.json nor seed_ideas.json" in capsys.readouterr().err


def test_failing_baseline_shows_traceback_command_and_advice(
    bench: Bench, legacy: Path, capsys: pytest.CaptureFixture
) -> None:
    code = (legacy / "experiment.py").read_text()
    (legacy / "experiment.py").write_text("import no_such_package_of_anyone\n" + code)
    assert _study(bench) == 1
    out = capsys.readouterr().out
    assert "ModuleNotFoundError: No module named 'no_such_package_of_anyone'" in out
    assert "is not installed for" in out
    assert "experiment.py --out_dir=run_0` works" in out


def test_links_that_lead_out_are_refused(bench: Bench, legacy: Path, capsys: pytest.CaptureFixture) -> None:
    """A template from others must not have files of this machine copied into its studies."""
    (bench.root / "secret").write_text("secret")
    (legacy / "more.tsv").symlink_to(bench.root / "secret")
    assert _study(bench) == 2
    assert "more.tsv is no file of the template" in capsys.readouterr().err
    assert not bench.results.exists()
    copy_template(legacy, bench.root / "copy")
    assert (bench.root / "copy" / "points.tsv").is_file()
    assert not (bench.root / "copy" / "more.tsv").exists()


def test_data_beside_the_study_is_read_where_it_is_named(
    bench: Bench, legacy: Path, capsys: pytest.CaptureFixture
) -> None:
    (legacy / "points.tsv").rename(bench.root / "points.tsv")
    code = (legacy / "experiment.py").read_text()
    (legacy / "experiment.py").write_text(code.replace('"points.tsv"', '"../../../points.tsv"'))
    assert _study(bench) == 1
    assert "It reads or writes ../../../points.tsv, outside the study" in capsys.readouterr().out
    shutil.rmtree(bench.results)
    assert _study(bench, "--data", "points.tsv") == 0


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        (0.5, {"mean": 0.5}),
        ({"loss": 1, "time_mean": 2}, {"loss": 1, "time": 2}),
        ({"a": {"rmse": 0.1, "kind": "text", "deep": {"x": 2}}, "b": 3}, {"a.rmse": 0.1, "a.deep.x": 2, "b": 3}),
    ],
)
def test_means_of_earlier_systems(tmp_path: Path, means: object, expected: dict[str, float]) -> None:
    path = tmp_path / "final_info.json"
    path.write_text(json.dumps({"data": {"means": means, "stds": 0.1, "solution": [1, 2]}}))
    assert {name: it.mean for name, it in read_metrics(path)["data"].items()} == expected


@pytest.mark.parametrize("entry", [{"mean": 1}, {}, 3, {"means": {}}, {"means": {"a": {"b": "text"}}}])
def test_missing_means_are_explained(tmp_path: Path, entry: object) -> None:
    path = tmp_path / "final_info.json"
    path.write_text(json.dumps({"data": entry}))
    with pytest.raises(InvalidMetrics, match=r'dataset "data" must hold a non-empty object "means" with a number'):
        read_metrics(path)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ModuleNotFoundError: No module named 'npeet.entropy'", "package npeet is not installed"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '../../data/meta.pkl'", "--data PATH"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'own.txt'", ""),
        ("FileExistsError: [Errno 17] File exists: 'run_0'", "exist_ok=True"),
        ("urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", "--allow-network"),
        ("AssertionError: Torch not compiled with CUDA enabled", "asks for a GPU"),
        ("ValueError: wrong", ""),
    ],
)
def test_advice(said: str, advice: str) -> None:
    assert advice in (found := hint(said, "python", network=False))
    assert bool(found) == bool(advice)
