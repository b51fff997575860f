"""The numbers of a pair of partitions fit, or the older file is named."""

import random
from pathlib import Path

import pytest

from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.ports import Opened
from sagamore.storage.pairs import check_pairs


def position(
    inbox: dict[tuple[str, int], int] | None = None,
    next_numbers: dict[tuple[str, int], int] | None = None,
    acknowledged: dict[tuple[str, int], int] | None = None,
) -> Opened:
    return Opened(1, True, inbox or {}, next_numbers or {}, acknowledged or {}, {}, [], {}, {}, 0, 0)


def pair(taken: int | None, next_number: int | None, acknowledged: int = 0, lane: int = 0) -> dict[str, Opened]:
    """orders/0 sends to payments/0; None is a stream that a file has never heard of."""
    sent = ("payments/0", lane)
    return {
        "orders/0": position(
            next_numbers={} if next_number is None else {sent: next_number},
            acknowledged={} if next_number is None else {sent: acknowledged},
        ),
        "payments/0": position({} if taken is None else {("orders/0", lane): taken}),
    }


@pytest.mark.parametrize(
    ("taken", "next_number", "acknowledged"),
    [(None, None, 0), (0, None, 0), (None, 1, 0), (None, 9, 0), (0, 9, 0), (8, 9, 8), (8, 9, 3), (3, 9, 3)],
)
def test_what_can_be_is_accepted(taken: int | None, next_number: int | None, acknowledged: int) -> None:
    check_pairs(pair(taken, next_number, acknowledged))


@pytest.mark.parametrize("lane", [0, 1])
@pytest.mark.parametrize(
    ("taken", "next_number", "acknowledged", "older"),
    [
        (9, 9, 8, "orders-0"),
        (1, None, 0, "orders-0"),
        (7, 9, 8, "payments-0"),
        (None, 9, 1, "payments-0"),
    ],
    ids=["taken but not yet sent", "taken from nobody", "acknowledged but not taken", "acknowledged by nobody"],
)
def test_what_cannot_be_names_the_older_file(
    taken: int | None, next_number: int | None, acknowledged: int, older: str, lane: int
) -> None:
    with pytest.raises(FileOutOfStep, match=rf"^/srv/shop/{older}\.sqlite is older than"):
        check_pairs(pair(taken, next_number, acknowledged, lane), Path("/srv/shop"))


def test_a_partition_is_compared_with_itself_and_with_every_other() -> None:
    own = position({("a/0", 0): 5}, {("a/0", 0): 4}, {("a/0", 0): 3})
    with pytest.raises(FileOutOfStep, match=r"a-0\.sqlite"):
        check_pairs({"a/0": own})
    third = {"b/0": position(), **pair(1, 2), "inventory/0": position({("b/0", 1): 1})}
    with pytest.raises(FileOutOfStep, match=r"^b-0\.sqlite is older than inventory-0\.sqlite"):
        check_pairs(third)


def test_streams_of_partitions_that_are_not_open_are_not_judged() -> None:
    check_pairs({"orders/0": position({("gone/0", 0): 9}, {("away/0", 0): 9}, {("away/0", 0): 8})})


def test_no_run_of_the_protocol_with_deaths_is_ever_refused() -> None:
    """A random life of one stream by the rules: send, take, acknowledge, each durable before the next is possible."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    next_number, taken, acknowledged = 1, 0, 0
    for _ in range(5_000):
        match rng.randrange(3):
            case 0:
                next_number += rng.randrange(1, 4)
            case 1:
                taken = rng.randint(taken, next_number - 1)
            case _:
                acknowledged = rng.randint(acknowledged, taken)
        check_pairs(pair(taken, next_number, acknowledged))
