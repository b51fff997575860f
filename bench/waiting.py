"""Deliveries that wait, and users and members, written straight into the files of a shop that is not open.

What is written is what a million events would have left: notifications that are being sent, the deliveries under way at
their channel, and an effect each, which waits on disk. Publishing each would take minutes and show nothing else: what
is asked is how the engine lives with what is in the files, not how it got there.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from bench.notifying import OFFER, TEXT, USERS
from sagamore.actors.notifications.audiences import Audience, Member, audience_key, member_key
from sagamore.actors.notifications.channel import Outgoing
from sagamore.actors.notifications.deliveries import Sending
from sagamore.actors.notifications.notification import Delivery, Notification, delivery_id
from sagamore.actors.notifications.user import Address, User, user_key
from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import BULK_LANE
from sagamore.engine.ids import make_id
from sagamore.engine.message import State, encode
from sagamore.engine.ports import Commit, IndexChange
from sagamore.engine.runtime.clock import SystemClock
from sagamore.storage.journal import SQLiteJournal

ROWS_A_COMMIT = 2_000
AUDIENCE = "everybody"
Rows = tuple[Mapping[str, State | None], list[IndexChange], dict[str, EffectRow | None]]


def write_waiting(shop: Path, channel: str, deliveries: int) -> None:
    """So many deliveries of offers, in the bulk lane, to the users of `notifying.py`."""
    _in_a_process("waiting", shop, channel, deliveries)


def write_audience(shop: Path, channel: str, members: int) -> None:
    """So many more users with an address on the channel, `member-N`, all in one audience."""
    _in_a_process("audience", shop, channel, members)


def _in_a_process(what: str, shop: Path, channel: str, count: int) -> None:
    """So that what the writing takes is not in the memory that is measured."""
    subprocess.run([sys.executable, "-m", "bench.waiting", what, str(shop), channel, str(count)], check=True)


async def _write(file: Path, count: int, rows: Callable[[range, int], Rows]) -> None:
    journal = SQLiteJournal(file)
    opened = await journal.open()
    for turn, first in enumerate(range(0, count, ROWS_A_COMMIT), opened.turn + 1):
        states, indexes, effects = rows(range(first, min(first + ROWS_A_COMMIT, count)), turn)
        await journal.commit(Commit(turn, dict(states), indexes, effects=effects))
        await journal.checkpoint(64 << 20)
    await journal.close(clean=True)


class _Offers:
    """The rows of waiting deliveries."""

    def __init__(self, channel: str) -> None:
        self._channel, self._now_ms = channel, SystemClock().now_ms()

    def notifications(self, numbers: range, _: int) -> Rows:
        """Each of them has one delivery, which is being sent."""
        states = {known.id: known for known in map(self._notification, numbers)}
        indexes = [
            IndexChange(field, known.id, None, getattr(known, field))
            for known in states.values()
            for field in ("user_id", "status")
        ]
        return states, indexes, {}

    def effects(self, numbers: range, turn: int) -> Rows:
        """One each."""
        states: dict[str, State | None] = {}
        effects: dict[str, EffectRow | None] = {}
        for n in numbers:
            known = self._notification(n)
            delivery, effect = delivery_id(known.id, 1), make_id("eff", self._now_ms, n)
            outgoing = Outgoing(
                delivery, known.user_id, known.deliveries[0].address, OFFER, known.category, (("text", TEXT),),
                self._now_ms, data=known.data,
            )  # fmt: skip
            states[delivery] = Sending(known.user_id, effect)
            effects[effect] = EffectRow(
                effect, delivery, known.id, self._channel, "send", delivery, "counted", encode(outgoing).decode(),
                self._now_ms, turn, self._now_ms, lane=BULK_LANE,
            )  # fmt: skip
        return states, [], effects

    def _notification(self, n: int) -> Notification:
        user = f"user-{n % USERS}"
        data = {"type": f"{OFFER}/1", "order_id": f"ord-{n:08}", "carrier": "Royal Mail", "code": f"RM{n:09}GB"}
        return Notification(
            make_id("ntf", self._now_ms, n), user, OFFER, "offers", "ACTIVE", self._now_ms,
            msgspec.json.encode(data).decode(), (self._channel,), bulk=True,
            deliveries=(Delivery(1, self._channel, "SENDING", f"{user}@example.com"),),
        )  # fmt: skip


class _Everybody:
    """The rows of an audience."""

    def __init__(self, channel: str, members: int) -> None:
        self._channel, self._members = channel, members

    def users(self, numbers: range, _: int) -> Rows:
        """With an address each."""
        users = (User(name, (Address(self._channel, f"{name}@example.com"),)) for name in _names(numbers))
        return {user_key(user.id): user for user in users}, [], {}

    def members(self, numbers: range, _: int) -> Rows:
        """And the audience, once."""
        states: dict[str, State | None] = {member_key(AUDIENCE, name): Member(0) for name in _names(numbers)}
        if numbers.start == 0:
            states[audience_key(AUDIENCE)] = Audience(AUDIENCE, self._members)
        return states, [], {}


def _names(numbers: range) -> Iterator[str]:
    return (f"member-{n:08}" for n in numbers)


async def _main(what: str, shop: Path, channel: str, count: int) -> None:
    notifications = shop / "notifications-0.sqlite"
    if what == "waiting":
        offers = _Offers(channel)
        await _write(notifications, count, offers.notifications)
        await _write(shop / f"{channel}-0.sqlite", count, offers.effects)
    else:
        everybody = _Everybody(channel, count)
        await _write(notifications, count, everybody.users)
        await _write(shop / "audiences-0.sqlite", count, everybody.members)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
