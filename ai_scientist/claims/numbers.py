"""Numbers as people write them: with thousands separators, exponents, percent signs, cut to some digits."""

import re
from dataclasses import dataclass, replace

NUMBER = re.compile(
    r"""(?<![\w.])(?P<sign>[+\-\u2212]?)
    (?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
    (?:[eE](?P<e>[+\-\u2212]?\d{1,4})\b
      |\s?[\u00d7x*]\s?10\s?(?:\^|\*\*)\s?\{?(?P<ten>[+\-\u2212]?\d{1,4})\}?)?
    (?P<thousand>[kK]\b)?
    (?P<percent>\s?(?:%|percent\b|per\scent\b))?
    (?P<points>\s?(?:percentage\s)?(?:points?\b|pp\b))?
    (?P<times>\s?(?:x\b(?!\s?\d)|\u00d7(?!\s?\d)|times\b|-?fold\b))?""",
    re.VERBOSE,
)
LOOSE = 0.12
"""How far "about 5" may be off, relative to the true value."""


@dataclass(frozen=True)
class Number:
    """A number in a text: its value, the distance of neighbouring values at its last digit, and how it was said.

    `bound` is "about", "least" or "most" where it is said to be roughly, at least, or at most this.
    """

    value: float
    step: float = 0.0
    percent: bool = False
    points: bool = False
    times: bool = False
    signed: bool = False
    bound: str = ""

    def fits(self, actual: float) -> bool:
        """Whether `actual` is this number after rounding or truncation at its last digit, or within what is said."""
        away = self.value - actual
        slack = 1e-9 * max(abs(self.value), abs(actual))
        if self.bound and (abs(away) <= LOOSE * abs(actual) + slack or abs(away) < self.step):
            return True
        if self.bound in ("least", "most"):
            return actual >= self.value if self.bound == "least" else actual <= self.value
        cut = abs(actual) - abs(self.value)
        truncated = -slack <= cut < self.step - slack and self.value * actual >= 0
        return abs(away) <= self.step / 2 + slack or truncated

    def size(self) -> "Number":
        """The number without its sign."""
        return replace(self, value=abs(self.value), signed=False)

    def scaled(self, factor: float) -> "Number":
        """The number in another unit, as a fraction for percent."""
        return replace(self, value=self.value * factor, step=self.step * factor, percent=False)


def numbers(text: str) -> list[tuple[int, int, Number]]:
    """(start, end, number) of every number in a text."""
    return [(match.start(), match.end(), _number(match)) for match in NUMBER.finditer(text)]


def _number(match: re.Match[str]) -> Number:
    digits = match["digits"].replace(",", "")
    said = (match["e"] or match["ten"] or "0").replace("\u2212", "-")
    exponent = max(-300, min(300, int(said) + (3 if match["thousand"] else 0)))
    decimals = len(digits.partition(".")[2])
    negative = match["sign"] in ("-", "\u2212")
    value = float(f"{'-' if negative else ''}{digits[:300]}e{exponent}")
    return Number(
        value if abs(value) < 1e300 else 0.0,
        10.0 ** max(-300, exponent - decimals),
        bool(match["percent"]),
        bool(match["points"]),
        bool(match["times"]),
        bool(match["sign"]),
    )
