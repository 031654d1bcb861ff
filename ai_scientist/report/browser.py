"""Opening a page where a person sits before a screen, and nowhere else."""

import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path


def open_where_there_is_a_screen(page: Path, environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Open the page in the browser; whether it was. Not without a terminal, in CI, or where no screen is."""
    screen = sys.platform == "darwin" or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    if not (terminal and screen) or environment.get("CI"):
        return False
    return webbrowser.open(page.absolute().as_uri())
