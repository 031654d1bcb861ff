"""`ai-scientist claims FOLDER`: the check of a study's notes, for people and for machines."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from ai_scientist.claims.check import check
from ai_scientist.claims.folder import notes_of, results_of
from ai_scientist.claims.model import Claim, Verdict
from ai_scientist.errors import UsageError

_ORDER: tuple[Verdict, ...] = ("contradicted", "unsupported", "not_checkable", "verified")


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a study folder, of this or another system")
    parser.add_argument("--json", action="store_true", help="print every claim as JSON")
    parser.add_argument("--all", action="store_true", help="list the verified claims, too")


def run(given: argparse.Namespace) -> int:
    """0, or 1 where a claim is contradicted. Raises UsageError for a folder without notes or results."""
    if not given.folder.is_dir():
        raise UsageError(f"{given.folder} is no folder")
    claims = check(notes_of(given.folder), results_of(given.folder))
    if given.json:
        sys.stdout.write(json.dumps({"claims": [claim.as_json() for claim in claims]}, indent=1) + "\n")
    else:
        from ai_scientist.console.screens import clean

        sys.stdout.write(clean(told(claims, every=given.all)))
    return 1 if any(claim.verdict == "contradicted" for claim in claims) else 0


def told(claims: tuple[Claim, ...], *, every: bool = False) -> str:
    """The claims in lines for a person: those that are wrong first, then how many there are of each verdict."""
    counts = Counter(claim.verdict for claim in claims)
    lines = [
        f"notes.txt:{claim.line}: {claim.verdict.replace('_', ' ')}: {claim.text:.160}\n    {claim.why}"
        for verdict in _ORDER
        if verdict in ("contradicted", "unsupported") or every
        for claim in claims
        if claim.verdict == verdict
    ]
    summary = ", ".join(
        f"{counts[verdict]} {verdict.replace('_', ' ')}" for verdict in reversed(_ORDER) if counts[verdict]
    )
    return "\n".join([*lines, f"{len(claims)} claims: {summary or 'none'}"]) + "\n"
