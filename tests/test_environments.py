"""A template's own interpreter and packages: made once, outside the sandbox and with a word, or nothing is begun."""

import os
import shutil
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import GOOD, Bench

from ai_scientist import launch
from ai_scientist.environments import interpreter_for
from ai_scientist.errors import UsageError
from ai_scientist.study.events import StudyStarted
from ai_scientist.template import read_template

UV = """\
#!/bin/sh
echo "$@" >> {root}/said
env > {root}/environment
case "$1" in
venv) sleep 0.3; mkdir -p "$4/bin"; ln -s {python} "$4/bin/python" ;;
pip) [ ! -e {root}/broken ] || {{ echo "no matching distribution" >&2; exit 3; }} ;;
esac
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ai-scientist" / "environments"


@pytest.fixture
def uv(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in uv's place that takes no time; what it was told is in the file that is returned."""
    (bench.root / "bin").mkdir()
    (bench.root / "bin" / "uv").write_text(UV.format(root=bench.root, python=sys.executable))
    (bench.root / "bin" / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bench.root}/bin:{os.environ['PATH']}")
    (bench.template / "requirements.txt").write_text("something==1.0\n")
    return bench.root / "said"


def _wheel(folder: Path) -> None:
    info = "ownthing-1.0.dist-info"
    with zipfile.ZipFile(folder / "ownthing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("ownthing.py", "STEPS = 20\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: ownthing\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_packages_of_a_template_are_there_in_the_sandbox(
    bench: Bench, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """For real: venv, pip, a package that this interpreter does not have, the sandbox, and the cache."""
    monkeypatch.setenv("PATH", os.defpath)  # no uv
    _wheel(bench.template)
    for name in ("venv.py", "pip.py"):  # nothing of the template is imported
        (bench.template / name).write_text("raise ImportError\n")
    (bench.template / "requirements.txt").write_text("--no-index\n./ownthing-1.0-py3-none-any.whl\n")
    code = (bench.template / "experiment.py").read_text()
    (bench.template / "experiment.py").write_text("import ownthing\n" + code)
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert "OUTSIDE THE SANDBOX" in capsys.readouterr().err
    setup = bench.of(StudyStarted)[0].setup
    assert Path(setup.python).is_relative_to(cache)
    assert setup.versions["environment"] == Path(setup.python).parents[1].name
    bench.folder.rename(bench.root / "first")
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert "SANDBOX" not in capsys.readouterr().err


def test_packages_that_cannot_be_installed_stop_before_anything(
    bench: Bench, uv: Path, cache: Path, capsys: pytest.CaptureFixture
) -> None:
    (bench.root / "broken").touch()
    assert bench.study(GOOD, "--max-runs", "2") == 1
    err = capsys.readouterr().err
    assert "no matching distribution" in err
    assert "nothing was begun or spent" in err
    assert not bench.results.exists()
    assert not [path for path in cache.iterdir() if path.is_dir()]
    (bench.root / "broken").unlink()
    assert bench.study(GOOD, "--max-runs", "2") == 0


def test_nothing_is_installed_for_a_study_that_cannot_begin(bench: Bench, uv: Path) -> None:
    assert bench.launch() == 2
    assert not uv.exists()


def test_two_at_once_make_it_once(bench: Bench, uv: Path) -> None:
    template = read_template(bench.template)
    words: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        pythons = list(pool.map(lambda _: interpreter_for(template, None, words.append), range(4)))
    assert len(set(pythons)) == 1
    assert [line.split()[0] for line in uv.read_text().splitlines()] == ["venv", "pip"]
    assert sum("another process is making" in word for word in words) == 3


def test_half_an_environment_is_made_anew(bench: Bench, uv: Path) -> None:
    template = read_template(bench.template)
    python = Path(interpreter_for(template, None, print))
    (python.parents[1] / "whole.json").unlink()  # as a process leaves it that is killed
    assert interpreter_for(template, None, print) == str(python)
    assert len(uv.read_text().splitlines()) == 4


def test_other_requirements_have_another_environment(bench: Bench, uv: Path) -> None:
    template = read_template(bench.template)
    (bench.template / "more.txt").write_text("x==1\n")
    (bench.template / "requirements.txt").write_text("-r more.txt\n")
    first = interpreter_for(template, None, print)
    (bench.template / "more.txt").write_text("x==2\n")
    assert interpreter_for(template, None, print) != first


def test_installer_gets_no_keys(bench: Bench, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "not-for-pip")
    interpreter_for(read_template(bench.template), None, print)
    assert "not-for-pip" not in (bench.root / "environment").read_text()


def test_python_flag_comes_before_requirements(bench: Bench, uv: Path) -> None:
    assert bench.study(GOOD, "--max-runs", "2", "--python", sys.executable) == 0
    assert not uv.exists()


def test_interpreter_that_the_template_names(bench: Bench) -> None:
    settings = (bench.template / "template.toml").read_text()
    mine = bench.root / "my_python"
    mine.symlink_to(sys.executable)
    (bench.template / "template.toml").write_text(f'python = "{mine}"\n{settings}')
    assert interpreter_for(read_template(bench.template), None, print) == str(mine)
    assert interpreter_for(read_template(bench.template), sys.executable, print) == sys.executable


def test_interpreter_in_the_template_is_not_started(bench: Bench) -> None:
    settings = (bench.template / "template.toml").read_text()
    evil = bench.template / "python"
    evil.write_text(f"#!/bin/sh\ntouch {bench.root}/started\n")
    evil.chmod(0o755)
    for name in (str(evil), "templates/tiny/python", "templates/../templates/tiny/python"):
        (bench.template / "template.toml").write_text(f'python = "{name}"\n{settings}')
        with pytest.raises(UsageError, match="lies in the template"):
            interpreter_for(read_template(bench.template), None, print)
    assert not (bench.root / "started").exists()


def test_environment_that_is_gone_is_made_anew_by_resume(bench: Bench, uv: Path, cache: Path) -> None:

    assert bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, "--max-runs", "2") == 1
    bench.record(GOOD)
    shutil.rmtree(cache)
    assert launch.main(["--resume", str(bench.folder)]) == 2  # nothing is installed because a folder says so
    assert launch.main(["--resume", str(bench.folder), "--templates-dir", "templates"]) == 0
    assert len(uv.read_text().splitlines()) == 4
