"""What is printed of runs that were executed again; names and feedback, which models write, are cleaned."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ai_scientist.console.screens import clean
from ai_scientist.metrics import Measurement
from ai_scientist.rerun.judging import ROUNDING, Repeated
from ai_scientist.rerun.recorded import Recorded

MAX_NAME = 40
NO_RESULT = "none"


def environment(differences: Mapping[int, Sequence[str]]) -> str:
    """What is not as it was when the study was done, each difference once."""
    known = dict.fromkeys(clean(it) for each in differences.values() for it in each)
    if not known:
        return "environment: as recorded\n"
    return "environment: not as recorded\n" + "".join(f"  {it}\n" for it in known)


def run(it: Recorded, repeated: Sequence[Repeated], failed: str) -> str:
    """A table of a run: each metric as recorded, as measured again, and the verdict."""
    lines = [f"run {it.run}, commit {it.commit[:10]}"]
    if it.origin:
        lines.append(f"  recorded from {clean(it.origin)}, not measured by the study")
    if it.changed:
        lines.append(f"  run_{it.run}/final_info.json is not what the journal recorded; compared is the journal")
    if failed:
        lines.append(f"  did not finish: {clean(failed)}")
    rows = [("dataset", "metric", "recorded", "again", "verdict")] if repeated else []
    rows += [
        (_name(each.dataset), _name(each.metric), _value(each.recorded), _value(each.again), _verdict(each))
        for each in repeated
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines += [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines) + "\n"


def total(repeated: Sequence[Repeated], failed: int) -> str:
    """How many metrics have which verdict, and what "within noise" is."""
    counts = Counter(_verdict(each) for each in repeated)
    said = [f"{number} {verdict}" for verdict, number in counts.items()]
    said += [f"{failed} runs did not finish"] if failed else []
    noise = (
        f'("within noise": within {ROUNDING:g} of each other, or no evidence of a difference by Welch\'s t test at 5%, '
        "Holm-corrected)\n"
    )
    return f"{', '.join(said)}\n{noise if 'within noise' in counts else ''}"


def _value(it: Measurement | None) -> str:
    if it is None:
        return NO_RESULT
    return f"{it.mean:.10g}" + (f" ± {it.stderr:.2g}" if it.stderr is not None else "")


def _verdict(it: Repeated) -> str:
    return "different (timing)" if it.timing and it.verdict == "different" else it.verdict


def _name(text: str) -> str:
    return " ".join(clean(text).split())[:MAX_NAME]
