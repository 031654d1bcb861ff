"""Where the files of the package lie (beside it in a checkout, inside it once installed), and those of the user."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


PROMPTS = _shipped("prompts")
TEMPLATES = _shipped("templates")
SCAFFOLDING = _shipped("scaffolding")


def user_configuration() -> Path:
    """The user's own configuration file; it need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "ai-scientist" / "config.toml"


def begun() -> Path:
    """Where it is noted which studies were begun here."""
    return (
        Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state").absolute() / "ai-scientist" / "begun"
    )


def matplotlib_cache() -> Path:
    """matplotlib's font cache takes seconds to build: kept from run to run, outside the user's own configuration."""
    return _cache() / "matplotlib"


def environments() -> Path:
    """Where the virtual environments of templates are kept."""
    return _cache() / "environments"


def literature() -> Path:
    """Where answers of literature services are kept."""
    return _cache() / "literature"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "ai-scientist"
