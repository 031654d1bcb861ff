"""Who may use which device when: bookkeeping alone, without a clock or a process, so that a simulation can drive it.

A device never waits for a model as long as another study has a run that is ready: more studies are in flight than there
are devices. Of the runs that are ready, that of the study with the fewest runs so far goes first (the earlier idea
where they are equal): all studies advance evenly, and no device is left over at the end for the last long one.
"""

from collections.abc import Sequence

# Studies in flight a device. By simulation (benchmarks/many_ideas.py: runs of 4 to 6 minutes, turns of 20 to 40
# seconds) a device needs two to be kept busy; the more there are, the fewer are left for the end.
STUDIES_A_DEVICE = 8


class Scheduler:
    """Studies are numbered from 0, in the order in which they shall be done.

    Each device takes `runs_per_device` runs at once; each run needs `devices_per_run` different devices.
    """

    def __init__(
        self,
        devices: Sequence[str],
        studies: int,
        in_flight: int,
        *,
        runs_per_device: int = 1,
        devices_per_run: int = 1,
    ) -> None:
        if devices_per_run > len(devices):
            raise ValueError(f"a run cannot have {devices_per_run} devices where there are {len(devices)}")
        self._room = dict.fromkeys(devices, runs_per_device)
        self._devices_per_run = devices_per_run
        self._to_begin = list(range(studies))
        self._in_flight = in_flight
        self._begun: dict[int, int] = {}  # study in flight -> runs that it was given a device for
        self._wanting: set[int] = set()
        self._held: dict[int, tuple[str, ...]] = {}

    def begin(self) -> list[int]:
        """The studies that are to be begun now, in order; each is named once."""
        room = self._in_flight - len(self._begun)
        now, self._to_begin = self._to_begin[:room], self._to_begin[room:]
        self._begun.update(dict.fromkeys(now, 0))
        return now

    def want(self, study: int) -> None:
        """A run of this study is ready."""
        self._wanting.add(study)

    def give(self) -> list[tuple[int, tuple[str, ...]]]:
        """(study, its devices) for every run that can start now."""
        given = []
        for study in sorted(self._wanting, key=lambda it: (self._begun[it], it)):
            free = sorted((name for name, room in self._room.items() if room), key=lambda name: -self._room[name])
            if len(free) < self._devices_per_run:
                break
            devices = tuple(free[: self._devices_per_run])
            self._take(study, devices)
            given.append((study, devices))
        return given

    def release(self, study: int) -> None:
        """The run of this study is over."""
        for name in self._held.pop(study, ()):
            self._room[name] += 1

    def end(self, study: int) -> None:
        """This study is over, however it ended: whatever it held or wanted is free for others."""
        self.release(study)
        self._wanting.discard(study)
        self._begun.pop(study, None)

    def stop(self) -> None:
        """Begin nothing more."""
        self._to_begin = []

    def _take(self, study: int, devices: tuple[str, ...]) -> None:
        self._wanting.discard(study)
        self._begun[study] += 1
        self._held[study] = devices
        for name in devices:
            self._room[name] -= 1
