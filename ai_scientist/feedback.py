"""What a failed command sends back to the agent: the end of its output, the frames in the study's own code kept."""

import re

MAX_CHARACTERS = 3000
MAX_PRINTED = 1000  # of stdout beside a stderr that only warns
_TELLS = re.compile(r"^\S*(?:Traceback|Error|Exception|Interrupt)\b", re.MULTILINE)
_FRAME = re.compile(r'^[ \t]*File "([^"\n]+)", line \d+.*\n(?:[ \t]{3,}.*\n)*', re.MULTILINE)


def failure_text(stdout: str, stderr: str, own_files: tuple[str, ...] = ("experiment.py",)) -> str:
    """The end of stderr, or of stdout if stderr says nothing, of both if it only warns; at most MAX_CHARACTERS.

    Where it has to be cut, the frames of tracebacks that lie in the study's own files stay: they are what the agent can
    mend. The frames of libraries between them go first.
    """
    printed, text = stdout.strip(), stderr.strip()
    if not text:
        text = printed
    elif printed and not _TELLS.search(text):
        text = f"{printed[-MAX_PRINTED:]}\n[on stderr:]\n{text}"
    if not text:
        return "(it printed nothing)"
    return text if len(text) <= MAX_CHARACTERS else _cut(text, own_files)


def _cut(text: str, own_files: tuple[str, ...]) -> str:
    end = text[-MAX_CHARACTERS // 2 :]
    end = end[end.find("\n") + 1 :] if "\n" in end else end
    earlier = text[: len(text) - len(end)]
    frames = [match.group(0).rstrip("\n") for match in _FRAME.finditer(earlier) if match.group(1).endswith(own_files)]
    kept: list[str] = []
    room = MAX_CHARACTERS - len(end) - len("\n[... cut ...]\n") - 100
    for frame in reversed(frames):
        if len(frame) + 1 > room:
            break
        kept.insert(0, frame)
        room -= len(frame) + 1
    return "\n".join(["[... cut ...]", *kept, *(["[... cut ...]"] if kept else []), end])
