"""Prompts: jinja2 files under `prompts/`, rendered with StrictUndefined; no prompt text stands in Python."""

import math
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


def uncertain(mean: float, stderr: float | None) -> str:
    """A mean with its standard error, both to the second digit of the error: 1263 ± 130, 0.0078 ± 0.0013."""
    if not stderr:
        return number(mean) if stderr is None else f"{number(mean)} ± 0"
    digits = 1 - math.floor(math.log10(stderr))
    if digits > 4:
        return f"{mean:.3g} ± {stderr:.1e}"
    return f"{round(mean, digits):.{max(0, digits)}f} ± {round(stderr, digits):.{max(0, digits)}f}"


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
