"""How busy devices are with many ideas, by simulation with the real scheduler: `make bench`.

50 ideas of 5 runs on 8 devices; model and run times are uniform within the recorded bounds. The median of 5 draws.
"""

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from simulation import Ideas, Outcome, by_the_scheduler, one_worker_a_device

DEVICES = 8
TURN_SECONDS = (20.0, 40.0)
RUNS = {"30 s": (24.0, 36.0), "5 min": (240.0, 360.0), "30 min": (1440.0, 2160.0)}
STUDIES_A_DEVICE = (1, 2, 4, 8)


def ways() -> dict[str, Callable[[Ideas], Outcome]]:
    """One worker a device that waits for its own model, and the scheduler with so many studies in flight a device."""
    found: dict[str, Callable[[Ideas], Outcome]] = {"one worker a device": lambda it: one_worker_a_device(it, DEVICES)}
    for each in STUDIES_A_DEVICE:
        found[f"{each} in flight a device"] = lambda it, each=each: by_the_scheduler(it, DEVICES, DEVICES * each)
    return found


def longest_gain_by_looking_ahead(run_seconds: tuple[float, float]) -> float:
    """The share of a lone study that would be saved if every turn after the first were prepared during a run."""
    (timings,) = Ideas(1, 5, TURN_SECONDS, run_seconds).timings()
    turns = [turn for turn, run in timings if run]
    whole = sum(turn + run for turn, run in timings)
    hidden = sum(min(turn, run) for turn, (_, run) in zip(turns[1:], timings, strict=False))
    return hidden / whole


def main() -> int:
    """Print utilisation and hours, a row a way, a column a length of runs; and what looking ahead could bring."""
    sys.stdout.write(f"{'utilisation, hours':<24}" + "".join(f"{name:>16}" for name in RUNS) + "\n")
    for name, way in ways().items():
        cells = []
        for seconds in RUNS.values():
            drawn = [way(Ideas(50, 5, TURN_SECONDS, seconds, seed)) for seed in range(5)]
            busy, hours = (statistics.median(getattr(it, what) for it in drawn) for what in ("utilisation", "hours"))
            cells.append(f"{busy:9.1%} {hours:6.2f}")
        sys.stdout.write(f"{name:<24}" + "".join(f"{cell:>16}" for cell in cells) + "\n")
    saved = "".join(f"{longest_gain_by_looking_ahead(seconds):16.1%}" for seconds in RUNS.values())
    sys.stdout.write(f"{'--lookahead, at most':<24}{saved}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
