"""What makes a batch: control first, then inside and clients 3:1, and what one leaves the other takes (PROTOCOL 7)."""

import pytest

from sagamore.engine.envelope import Envelope
from sagamore.engine.limits import Limits
from sagamore.engine.runtime.mailbox import Command, Delivery, Item, Mailbox, WithdrawEffect

LIMITS = Limits(mailbox_messages_max=100, batch_messages_max=100)


def delivery(lane: int) -> Delivery:
    return Delivery("desk/0", lane, Envelope(1, "m", "a", 0, b"{}"))  # type: ignore[arg-type]


def command() -> Command:
    return Command(None, "m", "", "k", "", True, 0, "", None)  # type: ignore[arg-type]


def filled(control: int = 0, normal: int = 0, bulk: int = 0, clients: int = 0) -> Mailbox:
    mailbox = Mailbox(LIMITS)
    for _ in range(control):
        mailbox.put_control(WithdrawEffect("eff_1"))
    mailbox.offer(0, [delivery(0)] * normal)
    mailbox.offer(1, [delivery(1)] * bulk)
    for _ in range(clients):
        mailbox.put_command(command())
    return mailbox


def kind_of(item: Item) -> str:
    return f"lane {item.lane}" if isinstance(item, Delivery) else type(item).__name__


def shares(mailbox: Mailbox, most: int) -> tuple[int, int, int, int]:
    """Of the next batch: control, normal, bulk, clients."""
    kinds = [kind_of(item) for item in mailbox.take(most)]
    assert kinds == sorted(kinds, key=["WithdrawEffect", "lane 0", "lane 1", "Command"].index), (
        "control, inside, clients"
    )
    return tuple(map(kinds.count, ("WithdrawEffect", "lane 0", "lane 1", "Command")))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("waiting", "batch"),
    [
        ({"normal": 50, "clients": 50}, (0, 15, 0, 5)),
        ({"bulk": 50, "clients": 50}, (0, 0, 15, 5)),
        ({"normal": 50, "bulk": 50, "clients": 50}, (0, 15, 0, 5)),
        ({"normal": 10, "bulk": 50, "clients": 50}, (0, 10, 5, 5)),
        ({"control": 4, "normal": 50, "clients": 50}, (4, 12, 0, 4)),
        ({"control": 50, "normal": 50, "clients": 50}, (20, 0, 0, 0)),
        ({"normal": 50}, (0, 20, 0, 0)),
        ({"clients": 50}, (0, 0, 0, 20)),
        ({"normal": 50, "clients": 2}, (0, 18, 0, 2)),
        ({"normal": 3, "clients": 50}, (0, 3, 0, 17)),
        ({"normal": 3, "clients": 2}, (0, 3, 0, 2)),
    ],
)
def test_a07_the_shares_of_a_batch(waiting: dict[str, int], batch: tuple[int, int, int, int]) -> None:
    assert shares(filled(**waiting), 20) == batch


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 7])
def test_a07_small_batches_share_alike_over_time(most: int) -> None:
    mailbox = filled(normal=90, clients=30)
    taken = [shares(mailbox, most) for _ in range(84 // most)]
    inside, clients = sum(batch[1] for batch in taken), sum(batch[3] for batch in taken)
    assert abs(inside - 3 * clients) <= 4


def test_a10_a_full_lane_takes_no_more_and_says_how_much_it_took() -> None:
    mailbox = filled()
    assert mailbox.offer(0, [delivery(0)] * 99) == 99
    assert (mailbox.offer(0, [delivery(0)] * 3), mailbox.room(0)) == (1, 0)
    assert mailbox.offer(0, [delivery(0)] * 3) == 0
    assert mailbox.offer(1, [delivery(1)] * 3) == 3, "the other lane has room"
    assert [mailbox.put_command(command()) for _ in range(101)] == [True] * 100 + [False]


def test_what_a_batch_had_no_room_for_comes_first_in_the_next() -> None:
    mailbox = filled(control=1, normal=5)
    items = mailbox.take(4)
    mailbox.put_back(items[2:])
    mailbox.put_control(WithdrawEffect("eff_2"))
    assert mailbox.take(3)[:2] == items[2:]
