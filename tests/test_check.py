"""`ai-scientist check`: each finding where it should be, with its line, and none where not."""

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from conftest import TINY

from ai_scientist.__main__ import main
from ai_scientist.template import Template, settings

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent for path in (ROOT / "templates").glob("*/experiment.py"))


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


@pytest.fixture
def found(template: Path, capsys: pytest.CaptureFixture) -> Callable[..., list[tuple[str, str, int, str]]]:
    """The findings of a check: (severity, file name, line, message); the exit code must fit them."""

    def check(*flags: str) -> list[tuple[str, str, int, str]]:
        code = main(["check", str(template), "--json", *flags])
        said = json.loads(capsys.readouterr().out)
        findings = [(it["severity"], Path(it["file"]).name, it["line"], it["message"]) for it in said["findings"]]
        assert code == (1 if any(severity == "error" for severity, *_ in findings) else 0)
        assert said["errors"] == sum(severity == "error" for severity, *_ in findings)
        return findings

    return check


def change(path: Path, old: str, new: str) -> int:
    """Replace a text that is there once; the number of its line."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


IDEA = '{"Name": "learning_rate", "Title": "What the learning rate does", "Experiment"'
PATH = "0.1 or open('/home/someone/x')"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("experiment.py", "SEEDS = 3", "SEEDS = = 3", "is not valid Python"),
        (
            "experiment.py",
            "LEARNING_RATE = 0.1",
            f"LEARNING_RATE = {PATH}",
            '"/home/someone/x" is there on',
        ),
        ("plot.py", 'labels = {"run_0": "Baseline"}', "labels = dict(run_0='Baseline')", "has no dict labels"),
        ("prompt.json", '"system"', '"sistem"', 'needs a text in "system"'),
        ("prompt.json", "}", ",}", "is not valid JSON"),
        ("ideas.json", '"Title": "What more steps do", ', "", 'idea 2 needs a text in "Title"'),
        ("ideas.json", '"Name": "more_steps"', '"Name": "learning_rate"', "is that of line 2; choose another"),
        ("ideas.json", '"Name": "more_steps"', '"Name": "more steps"', "no usable name"),
        ("ideas.json", '"Name": "more_steps"', '"may_change": ["train"], "Name": "more_steps"', "names train, which"),
        ("template.toml", 'better = "lower"', 'bettr = "lower"', "metrics.loss.bettr: is no setting"),
        ("template.toml", 'better = "lower"', 'better = "smaller"', "metrics.loss.better: Input should be 'lower'"),
        ("template.toml", 'default_on = "cpu"', 'default_on = "tpu"', "profiles.usual.default_on"),
        ("template.toml", 'better = "lower"', 'better = "lower', "is not valid TOML"),
        ("template.toml", 'primary = "loss"', 'primary = "loss"\ndata = ["nowhere"]', "nowhere does not exist"),
    ],
)
def test_what_is_found_by_reading(template: Path, found: Callable, file: str, old: str, new: str, message: str) -> None:
    line = change(template / file, old, new)
    errors = [it for it in found("--no-run") if it[0] == "error"]
    assert [(name, message in said) for _, name, _, said in errors] == [(file, True)]
    if "has no dict" not in message and 'needs a text in "system"' not in message:
        assert errors[0][2] in (line, line + 1)


def test_absolute_path_of_declared_data_is_no_finding(template: Path, found: Callable, tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    change(
        template / "experiment.py", "LEARNING_RATE = 0.1", f'LEARNING_RATE = 0.1\nDATA = "/home/..{tmp_path}/numbers/a"'
    )
    assert [it[3] for it in found("--no-run") if "/home/.." in it[3]]
    change(template / "template.toml", 'primary = "loss"', f'primary = "loss"\ndata = ["/home/..{tmp_path}/numbers"]')
    assert not [it for it in found("--no-run") if it[0] == "error"]


def test_links_that_lead_out_are_found(template: Path, found: Callable) -> None:
    (template / "own.txt").write_text("own")
    (template / "link.txt").symlink_to("own.txt")
    assert not [it for it in found("--no-run") if it[0] == "error"]
    (template / "stolen.txt").symlink_to("/etc/hostname")
    (template / "nothing.txt").symlink_to("nowhere")
    assert [it[1] for it in found("--no-run") if it[0] == "error"] == ["nothing.txt", "stolen.txt"]


def test_code_that_the_agent_could_not_edit_is_found(template: Path, found: Callable) -> None:
    path = template / "experiment.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + path.read_bytes())
    ((_, name, line, said),) = [it for it in found("--no-run") if it[0] == "error"]
    assert (name, line, "is not UTF-8" in said) == ("experiment.py", 2, True)


def test_files_of_windows_are_read(template: Path, found: Callable) -> None:
    for path in template.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [it for it in found("--no-run") if it[0] == "error"] == []


def test_terminal_is_not_steered(template: Path, capsys: pytest.CaptureFixture) -> None:
    change(template / "experiment.py", "SEEDS = 3", 'raise ValueError("\\x1b[2Jgone")')
    assert main(["check", str(template)]) == 1
    out = capsys.readouterr().out
    assert "gone" in out
    assert "\x1b" not in out


def test_protected_names_must_exist(template: Path, found: Callable) -> None:
    with (template / "template.toml").open("a") as file:
        file.write('\n[protected]\nfiles = ["data.txt"]\ndefinitions = [\n    "train",\n    "no_such_thing",\n]\n')
    lines = (template / "template.toml").read_text().splitlines()
    assert [(it[2], it[3]) for it in found("--no-run") if it[0] == "error"] == [
        (lines.index('files = ["data.txt"]') + 1, "protects the file data.txt, which does not exist"),
        (lines.index('    "no_such_thing",') + 1, "protects no_such_thing, which experiment.py does not define"),
    ]


@pytest.mark.parametrize("name", ["experiment.py", "plot.py", "prompt.json", "ideas.json"])
def test_missing_file(template: Path, found: Callable, name: str) -> None:
    (template / name).unlink()
    assert [it[1] for it in found() if it[0] == "error"] == [name]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rng = random.Random(seed)", "rng = random.Random(0)", "all seeds give the same values"),
        ("rng = random.Random(seed)", "rng = random.Random()", "gives other results when it is run again"),
        ('"means": {', '"mean": {', 'must hold a non-empty object "means"'),
        ('os.path.join(out_dir, "final_info.json")', '"run_0/final_info.json"', "run_1: fails (crashed):"),
        ("SEEDS = 3", "SEEDS = 3 + unknown", "NameError: name 'unknown' is not defined"),
        ("SEEDS = 3", "SEEDS = open('/nowhere/x')", "It reads or writes /nowhere/x, outside the study"),
        ('f"{metric}_mean": statistics.mean(each)', 'f"{metric}_mean": float("nan")', "not a finite number"),
        ('parser.add_argument("--out_dir", required=True)', 'parser.add_argument("--out", required=True)', "out_dir"),
    ],
)
def test_what_is_found_by_running(template: Path, found: Callable, old: str, new: str, message: str) -> None:
    line = change(template / "experiment.py", old, new)
    errors = [it for it in found() if it[0] == "error"]
    assert errors
    assert any(message in it[3] for it in errors)
    assert {it[1] for it in errors} == {"experiment.py"}
    if "NameError" in message or "/nowhere" in message:
        assert errors[-1][2] == line


def test_metrics_of_the_settings_must_be_measured(template: Path, found: Callable) -> None:
    change(template / "template.toml", 'primary = "loss"', 'primary = "accuracy"')
    change(template / "template.toml", "[metrics.weight]", "[metrics.wait]")
    errors = [it[3] for it in found() if it[0] == "error"]
    assert ['primary = "accuracy"' in errors[0], "[metrics.wait]" in errors[1]] == [True, True]


def test_timings_may_differ(template: Path, found: Callable) -> None:
    change(template / "experiment.py", '"weight": weight}', '"train_time": __import__("time").time()}')
    change(template / "template.toml", "[metrics.weight]", "[metrics.train_time]")
    assert not [it for it in found() if it[0] == "error"]


def test_attempts_to_use_the_network_are_seen(template: Path, found: Callable) -> None:
    connect = "    import socket\n    socket.create_connection(('example.org', 80), 1)\n"
    attempt = f"try:\n{connect}except OSError:\n    pass\nSEEDS = 3"
    line = change(template / "experiment.py", "SEEDS = 3", attempt)
    seen = [it for it in found() if "network" in it[3]]
    assert seen == [("warning", "experiment.py", line + 2, seen[0][3])]
    assert "example.org" in seen[0][3]


def test_plot_that_fails_or_draws_nothing(template: Path, found: Callable) -> None:
    line = change(template / "plot.py", "top = max(losses) or 1", "top = max(losses) / 0")
    assert ("error", "plot.py", line) in [it[:3] for it in found()]
    shutil.copyfile(TINY / "plot.py", template / "plot.py")
    change(template / "plot.py", 'write_png(f"loss_{dataset}.png"', 'write_png(f"loss_{dataset}.bmp"')
    assert "writes no PNG file" in found()[-1][3]


def test_endless_baseline_is_ended(template: Path, found: Callable) -> None:
    change(template / "experiment.py", "SEEDS = 3", "SEEDS = 3\nwhile True: pass")
    assert "did not end within 1 s" in found("--run-timeout", "1")[-1][3]


def test_check_changes_nothing(template: Path, found: Callable) -> None:
    before = {path: path.read_bytes() for path in template.rglob("*") if path.is_file()}
    found()
    assert {path: path.read_bytes() for path in template.rglob("*") if path.is_file()} == before


def test_readable_output_and_bad_input(template: Path, capsys: pytest.CaptureFixture) -> None:
    change(template / "template.toml", 'better = "lower"', 'bettr = "lower"')
    assert main(["check", str(template)]) == 1
    out = capsys.readouterr().out
    assert f"{template}/template.toml:5: error: metrics.loss.bettr: is no setting" in out
    assert out.splitlines()[-1] == f"{template}: 1 errors, 0 warnings"
    assert main(["check", "nowhere"]) == 2
    assert "nowhere is no folder, and no template" in capsys.readouterr().err


def test_documented_settings_are_all_there_are() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "templates.md").read_text(), re.DOTALL)
    content = tomllib.loads(example)
    settings(content)
    known = {field.name for field in fields(Template)} - {"folder", "system", "task"}
    assert set(content) == known


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_shipped_templates_pass(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(folder)]) == 0, capsys.readouterr().out
    assert f"{folder}: 0 errors, 0 warnings" in capsys.readouterr().out
