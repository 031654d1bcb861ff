"""Check that a template keeps the contract of docs/templates.md: read it, then try it in the sandbox.

Exit code 0: no errors (there may be warnings). 1: errors. 2: there is no such template.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ai_scientist.check import Finding
from ai_scientist.check.reading import read
from ai_scientist.errors import UsageError
from ai_scientist.lab import Limits
from ai_scientist.places import TEMPLATES
from ai_scientist.template import SMOKE, Template, read_template

if TYPE_CHECKING:
    from ai_scientist.check.trying import Trial


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("template", metavar="TEMPLATE", help="a template's folder, or its name in --templates-dir")
    parser.add_argument("--templates-dir", type=Path, default=TEMPLATES, metavar="DIR", help="where the templates are")
    parser.add_argument("--json", action="store_true", help="the findings as JSON")
    parser.add_argument("--no-run", action="store_true", help="only read the template, run nothing")
    parser.add_argument("--profile", metavar="NAME", help="the profile to try (default: smoke, else the device's)")
    parser.add_argument("--python", metavar="PATH", help="the interpreter that runs the scripts (default: this one)")
    parser.add_argument(
        "--run-timeout", type=float, default=600.0, metavar="SECONDS", help="for each of two runs (600)"
    )
    parser.add_argument(
        "--data", type=Path, action="append", default=[], metavar="PATH", help="further data to be read"
    )
    parser.add_argument("--allow-network", action="store_true", help="let a template that says so use the network")
    parser.add_argument("--no-sandbox", action="store_true", help="try it without a sandbox: it can do what you can")


def run(given: argparse.Namespace) -> int:
    """Print the findings; the exit code."""
    folder = _folder(given)
    found = read(folder)
    if not given.no_run:
        found += _try(given, folder, found)
    _print(given, folder, found)
    return 1 if _count(found, "error") else 0


def _folder(given: argparse.Namespace) -> Path:
    for folder in (Path(given.template), given.templates_dir / given.template):
        if folder.is_dir():
            return folder
    raise UsageError(f"{given.template} is no folder, and no template of {given.templates_dir}")


def _try(given: argparse.Namespace, folder: Path, found: list[Finding]) -> list[Finding]:
    """What running it shows, where it can be run: reading may have found that it cannot."""
    try:
        template = read_template(folder)
    except UsageError:
        return []  # reading has found why
    if any(finding.rule == "syntax" for finding in found):
        return []
    from ai_scientist.check.trying import tried  # scipy and the like: not needed to read

    return tried(_trial(given, template))


def _trial(given: argparse.Namespace, template: Template) -> "Trial":
    from ai_scientist import outside
    from ai_scientist.check.trying import Trial
    from ai_scientist.environments import interpreter_for
    from ai_scientist.machine import probe
    from ai_scientist.sandbox.choose import choose

    python = interpreter_for(template, given.python, _say)
    machine = probe(python)
    profile = given.profile or (SMOKE if SMOKE in template.profiles else None)
    if given.run_timeout <= 0:
        raise UsageError("--run-timeout must be a number of seconds above 0")
    return Trial(
        template,
        template.profile(profile, machine.kind),
        python,
        choose(allow_none=given.no_sandbox),
        (*outside.declared_data(template), *outside.further_data(given.data)),
        outside.network(template, allowed=given.allow_network),
        machine.kind == "gpu",
        Limits(given.run_timeout, output_bytes=100_000_000, processes=1000, disk_bytes=20_000_000_000),
        _say,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _print(given: argparse.Namespace, folder: Path, found: list[Finding]) -> None:
    errors, warnings = _count(found, "error"), _count(found, "warning")
    if given.json:
        content = {"template": str(folder), "errors": errors, "warnings": warnings, "tried": not given.no_run}
        sys.stdout.write(json.dumps(content | {"findings": [asdict(it) for it in found]}, indent=2) + "\n")
        return
    from ai_scientist.console.screens import clean

    for finding in found:
        sys.stdout.write(f"{clean(str(finding))}\n")
    sys.stdout.write(f"{folder}: {errors} errors, {warnings} warnings{' (nothing was run)' if given.no_run else ''}\n")


def _count(found: list[Finding], severity: str) -> int:
    return sum(finding.severity == severity for finding in found)
