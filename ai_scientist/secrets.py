"""The values of keys and tokens in our environment, masked wherever text is kept or shown."""

import os
import re

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_MIN_LENGTH = 8  # shorter values ("none", "1") would mask ordinary words
MASK = "[masked]"


def mask(text: str) -> str:
    """The text without the values of this process's keys and tokens."""
    values = [value for name, value in os.environ.items() if _NAMES.search(name) and len(value) >= _MIN_LENGTH]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text
