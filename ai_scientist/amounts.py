"""What a person types: numbers, names, paths. For anything else each raises ArgumentTypeError, which says why."""

import argparse
import math
from pathlib import Path


def count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10**12:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 1 on')
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else math.nan


def positive(text: str) -> float:
    if not 0 < (value := _number(text)) <= 10**9:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number above 0')
    return value


def price(text: str) -> float:
    if not (value := _number(text)) >= 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a price in USD')
    return value


def named(text: str) -> str:
    """Not empty: an unset variable of a shell must not act as if the flag had been left out."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def path(text: str) -> Path:
    """Not empty, which pathlib takes for the working directory."""
    return Path(named(text))
