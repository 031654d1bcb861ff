"""Prompts: jinja2 files under `prompts/`, rendered with StrictUndefined; no prompt text stands in Python."""

from functools import cache
from pathlib import Path
from typing import Any

from ai_scientist.places import PROMPTS


def render(name: str, /, **values: Any) -> str:
    """The prompt `prompts/NAME.j2` with these values; a variable that it names and that is missing is an error."""
    return str(_environment(PROMPTS).get_template(f"{name}.j2").render(**values)).strip() + "\n"


def number(value: float) -> str:
    """A number as prompts and tables show it: six significant digits, integers whole."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def signed(value: float) -> str:
    """A difference with its sign."""
    return ("+" if value > 0 else "") + number(value)


def probability(value: float) -> str:
    """A p value: "0.012", or "< 0.0001" below that."""
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


@cache
def _environment(folder: Path) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, signed=signed, probability=probability)
    return environment
