"""From a page's content to HTML: jinja2 with autoescape, and a policy that lets nothing run but our own script."""

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ai_scientist.report.page import page
from ai_scientist.report.study import Study
from ai_scientist.report.text import plain
from ai_scientist.secrets import mask

PAGES = Path(__file__).parent / "pages"
MAX_BYTES = 5_000_000
ROOM_FOR_PICTURES = 3_300_000
LONGEST_TEXT = 40_000


def report(study: Study) -> bytes:
    """report.html, under 5 MB: where it would be larger, long texts are cut shorter, and it is said so."""
    most, now = LONGEST_TEXT, datetime.now(UTC)
    while True:
        content = render("report.html.j2", page=page(study, now, most=most, room=ROOM_FOR_PICTURES))
        if len(content) < MAX_BYTES or not most:
            return content
        most = most // 4


def render(name: str, **values: Any) -> bytes:
    """One self-contained page as UTF-8, keys masked."""
    text = _environment().get_template(name).render(**values)
    return mask(text).encode("utf-8", "replace")


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PAGES),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((PAGES / name).read_text(encoding="utf-8") for name in ("style.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    environment.globals.update(style=Markup(style), script=Markup(script), policy=policy)
    return environment


def _shown(value: Any) -> Any:
    """Every text that a template puts on the page, without what steers terminals or turns writing around."""
    return plain(value) if type(value) is str else value


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
