"""The plots of a study as data: URLs, as many as the page has room for. The PNG files are never decoded by us."""

import base64
import struct
from dataclasses import dataclass
from pathlib import Path

from ai_scientist.files import UnreadableFile, read_bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000


@dataclass(frozen=True)
class Picture:
    """A plot. `url` is "" where it is not in the page; `remark` then says why."""

    name: str
    url: str
    width: int
    height: int
    remark: str = ""


def pictures(plots: tuple[Path, ...], room: int) -> tuple[Picture, ...]:
    """The plots, the largest left out until the URLs of the others fit into `room` characters."""
    found = [_picture(path) for path in plots]
    left = sum(len(picture.url) for picture in found)
    too_large = set()
    for picture in sorted(found, key=lambda it: -len(it.url)):
        if left <= room:
            break
        too_large.add(picture.name)
        left -= len(picture.url)
    said = "not shown here: the page would become too large. The file lies beside it."
    return tuple(Picture(it.name, "", 0, 0, said) if it.name in too_large else it for it in found)


def _picture(path: Path) -> Picture:
    try:
        content = read_bytes(path, MAX_BYTES)
    except UnreadableFile as error:
        return Picture(path.name, "", 0, 0, f"not shown: it {error}")
    if content[:8] != SIGNATURE or content[12:16] != b"IHDR" or len(content) < 24:
        return Picture(path.name, "", 0, 0, "not shown: it is no PNG file")
    width, height = struct.unpack(">II", content[16:24])
    if not 0 < width * height <= MAX_PIXELS:
        return Picture(path.name, "", 0, 0, f"not shown: it claims to be {width:,} by {height:,} pixels large")
    return Picture(path.name, f"data:image/png;base64,{base64.b64encode(content).decode()}", width, height)
