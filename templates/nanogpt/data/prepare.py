"""Make data/<name>.txt from files that you have: a text for experiment.py to learn. Nothing is downloaded.

    python data/prepare.py shakespeare_char input.txt
    python data/prepare.py enwik8 enwik8.zip --first-bytes 10000000

Several files are put one after the other; a zip archive stands for the file in it. Lines end in a plain newline.
"""

import argparse
import re
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent
SHORTEST = 10_000  # bytes; the tenth that is held out should fill some windows


def read(path: Path) -> bytes:
    """The content of a file, or of the one file in a zip archive; a line for people where it cannot be had."""
    try:
        if not zipfile.is_zipfile(path):
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise ValueError(f"the archive holds {len(names)} files; unpack it and name those that you want")
            return archive.read(names[0])
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        stop(f"{path}: {getattr(error, 'strerror', None) or error}")


def prepare(name: str, sources: list[Path], first_bytes: int | None) -> Path:
    """Write data/<name>.txt; never half of it."""
    content = b"".join(read(source) for source in sources).replace(b"\r\n", b"\n")[:first_bytes]
    if len(content) < SHORTEST:
        stop(f"{len(content):,} bytes are too few: a text needs at least {SHORTEST:,}")
    target = FOLDER / f"{name}.txt"
    unfinished = target.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(target)
    return target


def stop(problem: str) -> None:
    sys.stderr.write(f"prepare.py: {problem}\n")
    sys.exit(2)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a text for experiment.py from files that you have.")
    parser.add_argument("name", help="name of the dataset: small letters, digits and _")
    parser.add_argument("files", nargs="+", type=Path, help="text files, or zip archives of one")
    parser.add_argument("--first-bytes", type=int, help="take no more than the beginning")
    given = parser.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", given.name):
        stop(f"{given.name!r} cannot be a dataset's name: small letters, digits and _ only")
    if given.first_bytes is not None and given.first_bytes < 1:
        stop("--first-bytes must be at least 1")
    target = prepare(given.name, given.files, given.first_bytes)
    content = target.read_bytes()
    print(f"{target}: {len(content):,} bytes, {len(set(content))} different ones.")
    print(f'Now name "{given.name}" in DATASETS of experiment.py, and "data/{target.name}" in template.toml.')


if __name__ == "__main__":
    main()
