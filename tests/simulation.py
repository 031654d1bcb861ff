"""Studies with a simulated clock, which drive the real scheduler. Also used by benchmarks/many_ideas.py."""

import heapq
import random
from dataclasses import dataclass

from ai_scientist.batch.scheduler import Scheduler

TURNS_AFTER_THE_RUNS = 3  # the last results, plot.py, the descriptions


@dataclass(frozen=True)
class Ideas:
    """How long turns and runs of so many ideas take: uniform within the bounds, in seconds."""

    number: int
    runs: int
    turn_seconds: tuple[float, float]
    run_seconds: tuple[float, float]
    seed: int = 0

    def timings(self) -> list[list[tuple[float, float]]]:
        """For each idea (turn, run) for each of its runs, and then its last turns with a run of 0 seconds."""
        rng = random.Random(self.seed)
        return [
            [(rng.uniform(*self.turn_seconds), rng.uniform(*self.run_seconds)) for _ in range(self.runs)]
            + [(sum(rng.uniform(*self.turn_seconds) for _ in range(TURNS_AFTER_THE_RUNS)), 0.0)]
            for _ in range(self.number)
        ]


@dataclass(frozen=True)
class Outcome:
    """`utilisation`: the share of all devices' time, from the start to the last study's end, in which they ran."""

    hours: float
    utilisation: float


def by_the_scheduler(ideas: Ideas, devices: int, in_flight: int, runs_per_device: int = 1) -> Outcome:
    """All ideas under the real scheduler."""
    names = [str(number) for number in range(devices)]
    scheduler = Scheduler(names, ideas.number, in_flight, runs_per_device=runs_per_device)
    timings, busy, now = ideas.timings(), 0.0, 0.0
    coming: list[tuple[float, int, str]] = []
    while True:
        for study in scheduler.begin():
            heapq.heappush(coming, (now + timings[study][0][0], study, "asked"))
        for study, _ in scheduler.give():
            seconds = timings[study].pop(0)[1]
            busy += seconds
            heapq.heappush(coming, (now + seconds, study, "ran"))
        if not coming:
            return Outcome(now / 3600, busy / (now * devices * runs_per_device))
        now, study, what = heapq.heappop(coming)
        if what == "ran":
            scheduler.release(study)
            heapq.heappush(coming, (now + timings[study][0][0], study, "asked"))
        elif timings[study][0][1]:
            scheduler.want(study)
        else:
            scheduler.end(study)


def one_worker_a_device(ideas: Ideas, devices: int) -> Outcome:
    """All ideas by workers that each have a device and wait for their own model."""
    free, busy = [0.0] * devices, 0.0
    for timings in ideas.timings():
        heapq.heapreplace(free, free[0] + sum(turn + run for turn, run in timings))
        busy += sum(run for _, run in timings)
    return Outcome(max(free) / 3600, busy / (max(free) * devices))
