"""The laws of notifications: broken by hand in a copy of a real directory and found, and holding beside a running
owner."""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sagamore import (
    Call,
    Capabilities,
    Channel,
    Event,
    Inbox,
    NotificationSettings,
    NotReached,
    Outcome,
    Outgoing,
    Sagamore,
    Settings,
    UserLimit,
    sent,
)
from sagamore.actors.notifications.allowance import line_key
from sagamore.engine.testing import ManualClock
from tests.audit.deaths import found_after_deaths
from tests.audit.kit import SOON, audited, broken, change, letter_of
from tests.torture.notifications.post import Post, PostChat, PostMail, PostText
from tests.torture.notifications.scenarios import LIMITED, Teller

EVENT = {"order_id": "ord_1"}
SETTINGS = Settings(notifications=NotificationSettings(user_limit=UserLimit(under_way_max=1)))
SET = "UPDATE entity SET state = json_set(state, '$.{}', {}) WHERE key = :key"


class Nobody(Channel, name="nobody", addressed=False):
    """Is never there."""

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        return NotReached("nobody is there")


class Quick(Channel, name="quick", addressed=False):
    """Takes everything at once."""

    capabilities = Capabilities(takes_key=True, in_flight_max=64)

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        return sent()


def event(channel: str, user: str = "ann", send_at: datetime | None = None) -> Event:
    return Event(event_type="ORDER_SHIPPED", user_id=user, channels=(channel,), data=EVENT, send_at=send_at)


async def make(path: Path) -> dict[str, str]:
    """One that is being sent, one that waits for its place, one that waits for its time, one that has ended."""
    async with Sagamore.open(path, SETTINGS, channels=[Nobody(), Inbox()]) as shop:
        for user in ("ann", "bob"):
            await shop.users.set(user)
        sending = await shop.notifications.publish(event("nobody"))
        waiting = await shop.notifications.publish(event("nobody"))
        later = await shop.notifications.publish(event("inbox", "bob", datetime.now(UTC) + timedelta(days=1)))
        done = await shop.notifications.publish(event("inbox", "bob"))
        await shop.notifications.wait(done.id, timeout=SOON)
        delivery = sending.id.replace("ntf_", "dlv_") + "_1"
        for kind, key in (("notifications", line_key("ann", "nobody", 1)), ("nobody", delivery)):
            await shop.engine.until(kind, key, lambda state: state is not None, 20_000)
        return {
            "sending": sending.id, "waiting": waiting.id, "later": later.id, "done": done.id, "delivery": delivery,
            "allowance": "allowance:ann", "line": line_key("ann", "nobody", 1),
        }  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    path = tmp_path_factory.mktemp("audit") / "shop"
    return path, asyncio.run(make(path))


def test_a_directory_in_which_all_is_owned_is_clean_and_counted(made: tuple[Path, dict[str, str]]) -> None:
    laws = asyncio.run(audited(made[0]))
    assert {name for name, law in laws.items() if not law.ok} == set()
    assert laws["notified"].numbers == {
        "notifications": 4, "deliveries": 3, "sent": 1, "under_way": 2, "uncertain": 0,
    }  # fmt: skip
    assert laws["places"].numbers == {"held": 1}


@pytest.mark.parametrize(
    ("file", "sql", "key", "laws"),
    [
        ("nobody-0", "DELETE FROM effect WHERE json_extract(row, '$[1]') = :key", "delivery", {"notified"}),
        ("notifications-0", "DELETE FROM entity WHERE key = :key", "line", {"notified"}),
        ("notifications-0", "DELETE FROM timer WHERE entity = :key", "later", {"notified"}),
        ("notifications-0", SET.format("deliveries[0].status", "'WAITING'"), "done", {"notified"}),
        ("notifications-0", SET.format("deliveries[0].status", "'SENT'"), "sending", {"notified", "places"}),
        ("notifications-0", SET.format("status", "'DONE'"), "waiting", {"notified", "indexes"}),
        ("notifications-0", SET.format("places[0].held", 2), "allowance", {"places"}),
        ("notifications-0", SET.format("places[0].held", 0), "allowance", {"places", "notified"}),
        ("notifications-0", SET.format("deliveries", "3"), "done", {"readable", "indexes"}),
        ("notifications-0", "DELETE FROM entity_index WHERE key = :key", "done", {"indexes"}),
    ],
)
def test_what_is_broken_by_hand_is_found(
    made: tuple[Path, dict[str, str]], tmp_path: Path, file: str, sql: str, key: str, laws: set[str]
) -> None:
    path, named = tmp_path / "shop", made[1]
    shutil.copytree(made[0], path)
    change(path, file, sql, key=named[key])
    assert broken(path) == laws


class Unfinished(PostMail, name="mail"):
    """Its check of what it is to send has a bug, which only the first delivery does not meet."""

    checked = 0

    def check_parts(self, parts: Mapping[str, str]) -> None:
        self.checked += 1
        if self.checked > 1:
            raise RuntimeError("scripted: a bug")


async def given_up_at_its_place(t: Teller) -> None:
    """The second waits for the first, gets its place, and its turn fails until it is given up on."""
    t.mail.takes_ms = 5_000
    await t.user("ann", mail="ok")
    for name in "ab":
        await t.tell(name, "ALARM", "mail")
    await letter_of(t.shop, t.ids["a"], 0)  # whose end gave the place to the other


async def test_what_is_given_up_on_is_owned_also_on_its_way_to_its_letter(tmp_path: Path) -> None:
    def channels(clock: ManualClock) -> tuple[Post, ...]:
        return PostChat(clock), PostText(clock), Unfinished(clock)

    every = await found_after_deaths(tmp_path / "shop", given_up_at_its_place, channels, LIMITED)
    assert [{name: law.examples for name, law in laws.items() if not law.ok} for laws in every] == [{}] * len(every)


async def test_beside_a_running_owner_nothing_under_way_is_a_breach(tmp_path: Path) -> None:
    async def publish(shop: Sagamore, user: str) -> None:
        for _ in range(100):
            await shop.notifications.publish(event("quick", user))

    async with Sagamore.open(tmp_path / "shop", SETTINGS, channels=[Quick()]) as shop:
        users = [f"user-{n}" for n in range(16)]
        for user in users:
            await shop.users.set(user)
        publishing = [asyncio.create_task(publish(shop, user)) for user in users]
        looks = 0
        try:
            while not all(task.done() for task in publishing) or not looks:
                laws = await audited(tmp_path / "shop")
                assert {name: law.examples for name, law in laws.items() if not law.ok} == {}
                looks += 1
        finally:
            await asyncio.gather(*publishing)
