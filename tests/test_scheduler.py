"""The scheduler of many ideas: no device is given twice, none stands idle, none of the studies is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation import Ideas, by_the_scheduler, one_worker_a_device

from ai_scientist.batch.scheduler import STUDIES_A_DEVICE, Scheduler


def test_studies_begin_in_order_as_others_end() -> None:
    scheduler = Scheduler(["0"], studies=3, in_flight=2)
    assert scheduler.begin() == [0, 1]
    assert scheduler.begin() == []
    scheduler.end(0)
    assert scheduler.begin() == [2]


def test_run_that_is_ready_gets_the_free_device() -> None:
    scheduler = Scheduler(["0", "1"], studies=3, in_flight=3)
    scheduler.begin()
    for study in (2, 0, 1):
        scheduler.want(study)
    assert scheduler.give() == [(0, ("0",)), (1, ("1",))]
    assert scheduler.give() == []
    scheduler.release(1)
    assert scheduler.give() == [(2, ("1",))]


def test_study_with_the_fewest_runs_goes_first() -> None:
    scheduler = Scheduler(["0"], studies=2, in_flight=2)
    scheduler.begin()
    scheduler.want(0)
    assert scheduler.give() == [(0, ("0",))]
    scheduler.release(0)
    scheduler.want(0)
    scheduler.want(1)
    assert scheduler.give() == [(1, ("0",))]


def test_several_devices_a_run_and_several_runs_a_device() -> None:
    pairs = Scheduler(["0", "1", "2"], studies=2, in_flight=2, devices_per_run=2)
    pairs.begin()
    pairs.want(0)
    pairs.want(1)
    assert pairs.give() == [(0, ("0", "1"))]
    shared = Scheduler(["0", "1"], studies=4, in_flight=4, runs_per_device=2)
    shared.begin()
    for study in range(4):
        shared.want(study)
    assert sorted(devices for _, devices in shared.give()) == [("0",), ("0",), ("1",), ("1",)]
    with pytest.raises(ValueError, match="cannot have 3 devices"):
        Scheduler(["0", "1"], studies=1, in_flight=1, devices_per_run=3)


def test_what_an_ended_study_held_or_wanted_is_free() -> None:
    scheduler = Scheduler(["0"], studies=3, in_flight=3)
    scheduler.begin()
    for study in range(3):
        scheduler.want(study)
    assert scheduler.give() == [(0, ("0",))]
    scheduler.end(1)
    scheduler.end(0)
    assert scheduler.give() == [(2, ("0",))]


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
    st.lists(st.tuples(st.sampled_from(["want", "release", "end"]), st.integers(0, 5)), max_size=60),
)
def test_no_device_is_ever_overbooked_or_idle_while_wanted(
    devices: int, runs_per_device: int, devices_per_run: int, actions: list[tuple[str, int]]
) -> None:
    names = [str(number) for number in range(max(devices, devices_per_run))]
    scheduler = Scheduler(names, 6, 6, runs_per_device=runs_per_device, devices_per_run=devices_per_run)
    scheduler.begin()
    living, held, wanting = set(range(6)), {}, set()
    for action, study in actions:
        if study not in living or (action == "want" and (study in held or study in wanting)):
            continue
        getattr(scheduler, action)(study)
        held = {other: its for other, its in held.items() if action == "want" or other != study}
        wanting = wanting | {study} if action == "want" else wanting - {study} if action == "end" else wanting
        living -= {study} if action == "end" else set()
        for other, its in scheduler.give():
            assert other in wanting
            assert len(set(its)) == devices_per_run
            wanting.discard(other)
            held[other] = its
        load = [sum(name in its for its in held.values()) for name in names]
        assert max(load) <= runs_per_device
        assert not wanting or sum(count < runs_per_device for count in load) < devices_per_run


@pytest.mark.parametrize("seed", range(5))
def test_devices_are_busy_at_recorded_timings(seed: int) -> None:
    """50 ideas, 8 devices, turns of 20 to 40 seconds, runs of 4 to 6 minutes: at least 95%, against 80% and less."""
    ideas = Ideas(50, runs=5, turn_seconds=(20, 40), run_seconds=(240, 360), seed=seed)
    assert by_the_scheduler(ideas, devices=8, in_flight=8 * STUDIES_A_DEVICE).utilisation >= 0.95
    assert one_worker_a_device(ideas, devices=8).utilisation <= 0.8
