"""Which file a SEARCH/REPLACE block is for, where the line above it is not just the file's name.

aider takes that line as it stands, so that a sentence ("In experiment.py:"), or the end of the block before, becomes
the name of a file.
"""

from collections.abc import Iterable, Sequence

MARKS = ("<<<<<<<", "=======", ">>>>>>>")
NAMELESS = "A SEARCH/REPLACE block has no file name. Put the name alone on the line above the block's opening fence."


def named(blocks: Iterable[tuple[str, str, str]], files: Sequence[str]) -> list[tuple[str, str, str]]:
    """The blocks (name, search, replacement), each with the name of the file it is meant for.

    A line of several words means the one of `files` that is among them; without one, and after the end of another
    block, the file of that block. Raises ValueError, as aider's parser does, for a block that no file is named for.
    """
    meant: list[tuple[str, str, str]] = []
    for name, search, replacement in blocks:
        if name.startswith(MARKS) or len(name.split()) > 1:
            among = {word for word in (word.strip("`*\"'():,;#") for word in name.split()) if word in files}
            before = meant[-1][0] if meant else None
            file = among.pop() if len(among) == 1 else None if among else before
            if file is None or not search.strip():  # a new file is never meant by a sentence
                raise ValueError(NAMELESS)
            name = file
        meant.append((name, search, replacement))
    return meant
