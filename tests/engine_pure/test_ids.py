"""Ids: UUIDv7 by shape, rising by time, with their partition inside, and the same when a turn is taken again."""

from random import Random
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagamore.engine.ids import (
    PARTITIONS_MAX,
    IdMaker,
    derived_id,
    is_id,
    make_id,
    milliseconds_of_id,
    partition_of_id,
)

prefixes = st.sampled_from(["ord", "pay", "dl", "a_b"])
times = st.integers(0, 2**48 - 1)
partitions = st.integers(0, PARTITIONS_MAX - 1)


@given(prefixes, times, st.integers(0, 2**62 - 1), partitions)
def test_an_id_is_a_uuid7_that_carries_its_time_and_partition(
    prefix: str, at_ms: int, low: int, partition: int
) -> None:
    key = make_id(prefix, at_ms, low, partition)
    uuid = UUID(key.removeprefix(f"{prefix}_"))
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert (milliseconds_of_id(key), partition_of_id(key)) == (at_ms, partition)
    assert is_id(key, prefix)
    assert not is_id(key, f"{prefix}x")


@given(st.lists(st.integers(-5_000, 5_000), min_size=2, max_size=200), partitions, st.integers())
def test_ids_of_a_process_rise_whatever_its_clock_does(steps: list[int], partition: int, seed: int) -> None:
    maker, now_ms, made = IdMaker(Random(seed).getrandbits), 10**12, []
    for step in steps:
        now_ms += step
        made.append(maker.make("ord", now_ms, partition))
    assert made == sorted(set(made))


def test_a_million_ids_of_one_millisecond_rise() -> None:
    maker = IdMaker(Random(0).getrandbits)
    before = ""
    for _ in range(1_000_000):
        key = maker.make("ord", 10**12)
        assert key > before
        before = key


@given(times, partitions, st.text(max_size=50), st.integers(0, 1_000))
def test_a_turn_taken_again_makes_the_same_ids(at_ms: int, partition: int, message_id: str, n: int) -> None:
    message_id = message_id.encode("utf-8", "replace").decode()
    first = derived_id("eff", at_ms, partition, message_id, n)
    assert first == derived_id("eff", at_ms, partition, message_id, n)
    assert first != derived_id("eff", at_ms, partition, message_id, n + 1)
    assert (milliseconds_of_id(first), partition_of_id(first)) == (at_ms, partition)


@pytest.mark.parametrize("key", ["", "ord", "ord_", "ord_0193", "ann"])
def test_what_is_no_id_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        partition_of_id(key)
    with pytest.raises(ValueError, match="is no id"):
        milliseconds_of_id(key)
