"""Everything that reads what others wrote: final_info.json, notes.txt, plot.py, ideas, template.toml, output."""

import ast
import contextlib
import gc
import json
import math
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_scientist import notes, plotting
from ai_scientist.compare import against_baseline, compare, holm, judged_alone, of_few_seeds
from ai_scientist.console.screens import PROGRESS, clean
from ai_scientist.console.summary import uncertain
from ai_scientist.errors import UsageError
from ai_scientist.feedback import MAX_CHARACTERS, failure_text
from ai_scientist.idea import nearest, read_ideas
from ai_scientist.metrics import InvalidMetrics, Measurement, read_metrics
from ai_scientist.parsing import parse
from ai_scientist.study.turns import said_finished
from ai_scientist.template import read_template

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("means"), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(content=json_values)
def test_any_json_is_metrics_or_one_clear_reason(content: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("run") / "final_info.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(InvalidMetrics):
        metrics = read_metrics(path)
        assert metrics
        assert all(math.isfinite(it.mean) for measured in metrics.values() for it in measured.values())


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=10))
def test_standard_error_is_that_of_the_seeds(values: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("run") / "final_info.json"
    entry = {"means": {"loss_mean": 0.5}, "stderrs": {"loss_stderr": 7.0}, "final_info_dict": {"loss": values}}
    path.write_text(json.dumps({"d": entry}))
    stderr = read_metrics(path)["d"]["loss"].stderr
    assert stderr == pytest.approx(statistics.stdev(values) / math.sqrt(len(values)))


def test_means_alone_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "final_info.json"
    path.write_text('{"d": {"means": {"loss_mean": 1, "plain": 2.5}, "more": ["kept"]}}')
    assert read_metrics(path) == {"d": {"loss": Measurement(1.0), "plain": Measurement(2.5)}}


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(5_000_000_000)


def _deep(path: Path) -> None:
    path.write_text("[" * 100_000 + "]" * 100_000)


def test_values_too_large_to_be_compared_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "final_info.json"
    path.write_text(json.dumps({"d": {"means": {"loss_mean": 1e160}}}))
    with pytest.raises(InvalidMetrics, match=r"1e\+160, not a finite number up to 1e\+150"):
        read_metrics(path)
    seeds = {"loss": [1.7e308, 1.7e308, -1.7e308]}
    path.write_text(json.dumps({"d": {"means": {"loss_mean": 1.0}, "final_info_dict": seeds}}))
    assert read_metrics(path)["d"]["loss"].values == ()


@pytest.mark.parametrize("make", [_fifo, _link, _huge, _deep, Path.mkdir])
def test_hostile_results_file_is_refused_at_once(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "final_info.json"
    make(path)
    with pytest.raises(InvalidMetrics, match=r"final_info\.json"):
        read_metrics(path)


def test_sections_need_a_heading_and_text() -> None:
    text = "## Run 0: Baseline\nfine\n### run 2 - wide\ntext\n## Run 3: empty\n\n## Run 12: last\nRun 4 is no heading\n"
    assert notes.sections(text) == {0: "fine", 2: "text", 3: "", 12: "Run 4 is no heading"}
    assert notes.missing_sections(text, dict.fromkeys((1, 2, 3, 12), "")) == (1, 3)


def test_section_holds_the_headings_within_it() -> None:
    text = "## Run 1: wide\n### Results\nlower\n## Conclusion\nyes\n"
    assert notes.sections(text) == {1: "### Results\nlower"}


def test_section_that_only_announces_a_run_is_missing_still() -> None:
    then = "## Run 1: wide\nIt is to be wider.\n"
    assert notes.missing_sections(f"{then}\n## Run 2: next\nDeeper.\n", {1: then}) == (1,)
    assert notes.missing_sections(f"{then}The loss is lower.\n", {1: then}) == ()


def test_plot_names() -> None:
    assert notes.plot_names("`a.png`, b_1.png and ghost.png; a.png again", ["a.png", "b_1.png", "c.png"]) == (
        ("c.png",),
        ("ghost.png",),
    )


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('labels = {"run_0": "Baseline", "run_1": "Xavier"}', {"run_0": "Baseline", "run_1": "Xavier"}),
        ('labels: dict[str, str] = {"run_0": "B"}', {"run_0": "B"}),
        ('labels = {"run_0": "B"}\nlabels["run_2"] = "later"', {"run_0": "B", "run_2": "'later'"}),
        ("labels = make()", {}),
        ("def broken(:", {}),
        ("x = 1", {}),
    ],
)
def test_labels(code: str, found: dict[str, str]) -> None:
    assert plotting.labels(code) == found


@given(st.text())
def test_labels_of_any_text(code: str) -> None:
    assert isinstance(plotting.labels(code), dict)


@pytest.mark.parametrize(
    ("reply", "finished"),
    [
        ("done\nI am finished", True),
        ("**I am finished.**\n\n", True),
        ("When I am finished\nI say so.", False),
        ("I am finished with run 2, next is run 3", False),
        ("I am finished\nbut not yet", False),
        ("", False),
    ],
)
def test_finished_is_a_line_of_its_own_at_the_end(reply: str, finished: bool) -> None:
    assert said_finished(reply) is finished


def test_feedback_keeps_the_frames_of_the_experiment() -> None:
    frame = '  File "/x/experiment.py", line 7, in train\n    loss.backward()\n'
    library = '  File "/lib/torch/nn.py", line 1, in call\n    return inner()\n' * 300
    text = failure_text("", "Traceback (most recent call last):\n" + frame + library + "ValueError: bad shape\n")
    assert len(text) <= MAX_CHARACTERS
    assert 'experiment.py", line 7' in text
    assert text.endswith("ValueError: bad shape")


def test_feedback_is_stdout_where_stderr_is_silent() -> None:
    assert failure_text("epoch 1\nNaN, giving up\n", "") == "epoch 1\nNaN, giving up"
    assert failure_text("", "") == "(it printed nothing)"


def test_feedback_is_both_where_stderr_only_warns() -> None:
    warning = "/lib/torch/nn.py:3: UserWarning: slow\n  warn()\n"
    told = failure_text("epoch 1\nthe loss is NaN, giving up\n", warning)
    assert told == "epoch 1\nthe loss is NaN, giving up\n[on stderr:]\n/lib/torch/nn.py:3: UserWarning: slow\n  warn()"
    for says in ("Traceback (most recent call last):\nValueError: x", "torch.OutOfMemoryError: x"):
        assert failure_text("epoch 1\n", says) == says


@given(st.text(max_size=20_000), st.text(max_size=20_000))
def test_feedback_is_never_longer_than_said(stdout: str, stderr: str) -> None:
    assert len(failure_text(stdout * 3, stderr * 3)) <= MAX_CHARACTERS


def verdict(this: Measurement, other: Measurement, better: str | None) -> str:
    return judged_alone(compare(this, other, 0), better).verdict


def test_verdicts() -> None:
    low, high = Measurement(1.0, 0.1, (0.9, 1.0, 1.1)), Measurement(5.0, 0.1, (4.9, 5.0, 5.1))
    assert verdict(low, high, "lower") == "better"
    assert verdict(low, high, "higher") == "worse"
    assert verdict(high, low, None) == "different"
    assert verdict(low, Measurement(1.05, 0.1, (0.95, 1.0, 1.2)), "lower") == "no evidence"
    assert verdict(low, low, "lower") == "no evidence"
    assert verdict(Measurement(1.0), Measurement(2.0), "lower") == "nothing can be said"
    assert (
        verdict(Measurement(1.0, 0.1, (0.9, 1.1)), Measurement(2.0, 0.1, (1.9, 2.1)), "lower") == "nothing can be said"
    )
    assert verdict(Measurement(1.0, 0, (1, 1, 1)), Measurement(2.0, 0, (2, 2, 2)), "lower") == "better"
    assert compare(low, high, 0).percent == pytest.approx(-80)
    assert compare(low, Measurement(0.0), 0).percent is None


def test_seeds_that_change_nothing_are_no_evidence() -> None:
    def run(*values: float) -> dict[str, dict[str, Measurement]]:
        return {"d": {"loss": Measurement(sum(values) / 3, None, values)}}

    for ignoring in ({0: run(1, 1.1, 1.2), 1: run(5, 5, 5)}, {0: run(1, 1, 1), 1: run(5, 5.1, 5.2)}):
        (it,) = against_baseline(ignoring, {"loss": "lower"}, paired=True).values()
        assert (it.verdict, it.p, it.low) == ("nothing can be said", None, None)
        assert it.difference > 0


def test_values_whose_variance_is_too_small_for_a_float_are_no_evidence() -> None:
    assert verdict(Measurement(2e-300, None, (1e-300, 2e-300, 3e-300)), Measurement(0, None, (0, 0, 0)), "lower") == (
        "no evidence"
    )


def test_interval_p_and_effect_are_the_textbooks() -> None:
    """Welch's and Student's t by hand: t = -1.549, 2.94 degrees of freedom; pairs: t = -3.464, 2 degrees of freedom."""
    these, others = Measurement(2.0, None, (1.0, 2.0, 3.0)), Measurement(4.0, None, (2.0, 4.0, 6.0))
    welch = compare(these, others, 0)
    assert (welch.p, welch.low, welch.high) == pytest.approx((0.2211, -6.1554, 2.1554), abs=1e-3)
    assert welch.effect == pytest.approx((1 - 3 / 15) * -2 / math.sqrt(2.5))
    pairs = compare(these, others, 0, paired=True)
    assert pairs.p == pytest.approx(0.0742, abs=1e-4)
    assert pairs.paired


def test_holm_is_the_published_procedure() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_the_order_and_never_lowers_p(p: list[float]) -> None:
    corrected = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
    assert [it for _, it in sorted(zip(p, corrected, strict=True))] == sorted(corrected)


def test_correction_is_over_all_comparisons_of_the_study() -> None:
    def run(shift: float) -> dict[str, dict[str, Measurement]]:
        values = tuple(shift + it for it in (0.0, 0.1, 0.2))
        return {dataset: {"loss": Measurement(shift + 0.1, 0.1, values)} for dataset in "abc"}

    few = against_baseline({0: run(1), 1: run(0.6)}, {"loss": "lower"}, paired=False)
    many = against_baseline(
        {number: run(1 - 0.4 * (number > 0)) for number in range(9)}, {"loss": "lower"}, paired=False
    )
    assert {it.verdict for it in few.values()} == {"better"}
    assert {it.verdict for it in many.values()} == {"no evidence"}
    assert len(many) == 24


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON"),
        ("{}", "must be a list"),
        ('["x"]', "idea 1 is not an object"),
        ('[{"Name": "a", "Title": "t"}]', 'idea 1 needs a text in "Experiment"'),
        ('[{"Name": "../a", "Title": "t", "Experiment": "e"}]', "no usable name"),
    ],
)
def test_wrong_ideas_are_one_clear_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "ideas.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_ideas(path)


def test_nearest_ideas() -> None:
    names = ["weight_initialization_grokking", "batch_size_grokking", "lr_schedule"]
    assert nearest("weight_initialisation", names) == "Did you mean weight_initialization_grokking?"
    assert nearest("zzz", names) == "See --list-ideas."


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("primary = 3", "primary"),
        ("primry = 'loss'", "primry"),
        ("[metrics.loss]\nbetter = 'smaller'", "metrics.loss.better"),
        ("[profiles.quick]\nenvironment = { A = 1 }", "profiles.quick.environment.A"),
        ("[profiles]\nquick = 1", "template.toml"),
        ("= 3", "template.toml"),
    ],
)
def test_wrong_template_settings_are_one_clear_line(tmp_path: Path, settings: str, said: str) -> None:
    for name, content in {"experiment.py": "", "plot.py": "", "template.toml": settings}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "prompt.json").write_text('{"system": "s", "task_description": "t"}')
    with pytest.raises(UsageError, match=said) as error:
        read_template(tmp_path)
    assert "\n" not in str(error.value)


def test_progress_lines() -> None:
    match = PROGRESS.fullmatch("progress 3/10 x_plus_y seed 1: val_acc 0.3")
    assert match
    assert match.groups() == ("3", "10", "x_plus_y seed 1: val_acc 0.3")
    assert not PROGRESS.fullmatch("progress 3 of 10")


def test_output_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[2Jb\x1b]0;title\x07c\rd") == "ab]0;titlecd"


@pytest.mark.parametrize(
    ("mean", "stderr", "shown"),
    [
        (1263.33, 130.2, "1260 ± 130"),
        (316.67, 28.48, "317 ± 28"),
        (0.00786, 0.00127, "0.0079 ± 0.0013"),
        (2400.0, 0.0, "2400 ± 0"),
        (0.5, None, "0.5"),
        (9.87e-11, 6.5e-11, "9.87e-11 ± 6.5e-11"),
        (-3.14159, 0.5, "-3.14 ± 0.50"),
    ],
)
def test_mean_is_shown_to_the_digits_of_its_error(mean: float, stderr: float | None, shown: str) -> None:
    assert uncertain(mean, stderr) == shown


def test_few_seeds_are_said_where_a_comparison_would_pass_alone() -> None:
    """One clear effect among many: Holm's correction takes its evidence away, and that is said."""

    def noise(by: float) -> dict[str, Measurement]:
        return {f"m{i}": Measurement(1 + by, 0.1, (0.9 + by, 1.0 + by, 1.1 + by)) for i in range(30)}

    before = {"d": {**noise(0), "loss": Measurement(2.0, 0.1, (1.9, 2.0, 2.1))}}
    after = {"d": {**noise(0.02), "loss": Measurement(1.5, 0.1, (1.3, 1.5, 1.7))}}
    found = against_baseline({0: before, 1: after}, {"loss": "lower"}, paired=False)
    assert found[1, "d", "loss"].verdict == "no evidence"
    assert of_few_seeds(found.values()).startswith("Taken alone 1 of those without evidence would pass at 5%")
    assert of_few_seeds([it for key, it in found.items() if key[2] != "loss"]) == ""


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads take turns as often as they can, in the middle of the parser's work, too."""
    usual = sys.getswitchinterval()

    def work(*_: object) -> None:
        sum(range(50))

    gc.callbacks.append(work)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)
    gc.callbacks.remove(work)


@pytest.mark.usefixtures("busy_threads")
def test_code_is_parsed_in_several_threads_at_once() -> None:
    code = Path(ast.__file__).read_text()

    def parsed(depth: int) -> list[int]:
        return parsed(depth - 1) if depth else [len(parse(code).body) for _ in range(40)]

    with ThreadPoolExecutor() as threads:
        counts = [count for each in threads.map(parsed, (0, 20, 40)) for count in each]
    assert counts == [len(ast.parse(code).body)] * 120
