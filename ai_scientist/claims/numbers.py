"""Numbers as people write them: with thousands separators, exponents, percent signs, and the digits they were cut to."""

import re
from dataclasses import dataclass

NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[+\-\u2212]?)(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:(?:e|E)(?P<e>[+\-]?\d+)|\s?(?:×|x|\*)\s?10\s?(?:\^|\*\*)?\s?\{?(?P<ten>[+\-\u2212]?\d+)\}?)?(?P<k>k\b)?"
    r"(?P<percent>\s?%|\s?percent\b)?(?P<points>\s?(?:percentage points?|pp\b|points?\b))?(?P<times>\s?(?:x|×|times|-fold|fold)\b|×)?"
)
# Percent of the value by which "about 5" may be off, and of a value that is said without it.
LOOSE = 0.10
_ABOUT = re.compile(
    r"(?:about|around|roughly|approximately|approx\.?|nearly|almost|some|circa|close to|just (?:over|under|above|below)|over|under|more than|less than|at least|up to|~|≈)\s*(?:a |an |by )?[~≈]?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """A number in a text: its value, the distance of neighbouring values at its last digit, and how it was said."""

    value: float
    step: float
    percent: bool = False
    points: bool = False
    times: bool = False
    signed: bool = False
    about: bool = False

    def fits(self, actual: float) -> bool:
        """Whether `actual` is this number after rounding or truncation at its last digit, or roughly if so said."""
        if self.about and abs(self.value - actual) <= LOOSE * abs(actual):
            return True
        away = self.value - actual
        slack = 1e-9 * max(abs(self.value), abs(actual))
        towards_zero = 0 <= (abs(actual) - abs(self.value)) < self.step + slack and self.value * actual >= 0
        return abs(away) <= self.step / 2 + slack or towards_zero

    def fits_fraction(self, actual: float) -> bool:
        """The same where a fraction may be said as percent."""
        if self.percent:
            return Number(self.value / 100, self.step / 100, about=self.about).fits(actual)
        return self.fits(actual)


def numbers(text: str) -> list[tuple[int, int, Number]]:
    """(start, end, number) of every number in a text."""
    return [(match.start(), match.end(), _number(match, text)) for match in NUMBER.finditer(text)]


def _number(match: re.Match[str], text: str) -> Number:
    digits = match["digits"].replace(",", "")
    exponent = int((match["e"] or match["ten"] or "0").replace("\u2212", "-")) + (3 if match["k"] else 0)
    decimals = len(digits.partition(".")[2])
    negative = match["sign"] in ("-", "\u2212")
    value = float(f"{'-' if negative else ''}{digits}e{exponent}") if abs(exponent) < 300 else 0.0
    return Number(
        value,
        10.0 ** (exponent - decimals) if abs(exponent) < 300 else 0.0,
        bool(match["percent"]),
        bool(match["points"]),
        bool(match["times"]),
        bool(match["sign"]),
        bool(_ABOUT.search(text[: match.start()])),
    )
