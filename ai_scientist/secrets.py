"""The values of keys and tokens in our environment, masked wherever text is kept or shown."""

import json
import mmap
import os
import re
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO
from urllib.parse import unquote

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|_(?:PAT|PWD|AUTH|DSN)$", re.IGNORECASE)
_IN_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s/?#@]*:([^\s/@]+)@", re.IGNORECASE
)  # user:password@ of proxies, databases
_MIN_LENGTH = 8  # shorter values ("none", "1") would mask ordinary words
MASK = "[masked]"


def variables() -> dict[str, str]:
    """This process's environment, also while another thread changes it, as the import of numpy does for a moment."""
    found = ((name, os.environ.get(name)) for name in list(os.environ))
    return {name: value for name, value in found if value is not None}


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without keys and tokens, for programs that have no use for them; those of pip and uv stay."""
    return {name: it for name, it in environment.items() if name.startswith(("PIP_", "UV_")) or not _NAMES.search(name)}


def mask(text: str) -> str:
    """The text without the values of this process's keys, tokens and passwords."""
    for value in _values():
        text = text.replace(value, MASK)
    return text


def mask_in(content: Any, spared: Collection[str] = ()) -> Any:
    """The same for every text in JSON data; field names are kept, and what the fields named in `spared` hold."""
    match content:
        case str():
            return mask(content)
        case dict():
            return {name: it if name in spared else mask_in(it, spared) for name, it in content.items()}
        case list() | tuple():
            return [mask_in(it, spared) for it in content]
    return content


def mask_written(file: BinaryIO) -> None:
    """Overwrite those values in a file that is open for reading and writing, in place: it may be larger than memory."""
    file.flush()
    if not os.fstat(file.fileno()).st_size:
        return
    with mmap.mmap(file.fileno(), 0) as content:
        for value in (it.encode("utf-8", "surrogateescape") for it in _values()):
            at = content.find(value)
            while at >= 0:
                content[at : at + len(value)] = b"*" * len(value)
                at = content.find(value, at)


def _values() -> list[str]:
    """The secret values, the longest first, each also as it stands in Python's or JSON's quotes."""
    known = variables()
    named = [value for name, value in known.items() if _NAMES.search(name)]
    in_urls = [password for value in known.values() for password in _IN_URL.findall(value)]
    values = {value for value in (*named, *in_urls, *map(unquote, in_urls)) if len(value) >= _MIN_LENGTH}
    quoted = {text[1:-1] for value in values for text in (repr(value), json.dumps(value), ascii(value))}
    return sorted(values | quoted, key=len, reverse=True)
