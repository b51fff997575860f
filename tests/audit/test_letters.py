"""The law of letters: broken by hand in a copy of a real directory and found; and holding for all that may become of a
dead delivery, after a death at every commit of it and beside a running owner."""

import asyncio
import shutil
from itertools import count
from pathlib import Path

import pytest

from sagamore import Call, Capabilities, Channel, Event, Notification, Outcome, Outgoing, Sagamore, permanent, sent
from sagamore.actors.notifications.messages import EraseNotification, Redeliver
from sagamore.actors.notifications.notification import delivery_id
from sagamore.engine.message import State, encode
from tests.audit.deaths import found_after_deaths
from tests.audit.kit import audited, change, letter_of
from tests.torture.notifications.scenarios import FREE, Teller, posts

SET = "UPDATE entity SET state = json_set(state, '$.{}', {}) WHERE key = :key"
UNSET = "UPDATE entity SET state = json_remove(state, '$.{}') WHERE key = :key"
UNLISTED = "UPDATE entity_index SET value = 'DISCARDED' WHERE value = 'WAITING' AND key = :key"

NOBODYS = encode(Redeliver("nobody", "ann")).decode()


class Refusing(Channel, name="refusing"):
    """By address: refuses `once` the first time, `never` never and all others always; holds `held` until told."""

    capabilities = Capabilities(takes_key=True, in_flight_max=64)

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.go_on = asyncio.Event()

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        if outgoing.address == "held":
            await self.go_on.wait()
        if outgoing.address == "never" or (outgoing.address == "once" and outgoing.delivery in self.refused):
            return sent()
        self.refused.add(outgoing.delivery)
        return permanent("550", "no")


async def publish(shop: Sagamore, user: str, address: str) -> str:
    """Tell the user, at that address."""
    await shop.users.set(user, addresses=[("refusing", address)])
    event = Event(event_type="ORDER_SHIPPED", user_id=user, channels=("refusing",), data={"order_id": "ord_1"})
    return (await shop.notifications.publish(event)).id


async def became(shop: Sagamore, notification_id: str, status: str, *, discarded: bool = False) -> None:
    """Wait until its one delivery is so."""

    def is_so(state: State | None) -> bool:
        assert isinstance(state, Notification)
        return (state.deliveries[0].status, state.deliveries[0].discarded) == (status, discarded)

    await shop.engine.until("notifications", notification_id, is_so, 20_000)


async def make(path: Path) -> dict[str, str]:
    """One of each: ids of notifications, deliveries and letters by what became of them."""
    channel = Refusing()
    async with Sagamore.open(path, channels=[channel]) as shop:
        named = {user: await publish(shop, user, "all") for user in ("waits", "discarded", "erased")}
        named |= {"sent": await publish(shop, "sent", "never"), "replayed": await publish(shop, "replayed", "once")}
        named["late"] = await publish(shop, "late", "held")
        for user in ("waits", "discarded", "erased", "replayed"):
            named[f"letter of {user}"] = await letter_of(shop, named[user])
        await shop.dead_letters.discard(named["letter of discarded"], by="oli", reason="old")
        await shop.dead_letters.replay(named["letter of replayed"], by="oli")
        for user in ("erased", "late"):
            await shop.users.erase(user)
        channel.go_on.set()
        for user, status in (("sent", "SENT"), ("replayed", "SENT"), ("late", "DEAD")):
            await became(shop, named[user], status)
        await became(shop, named["discarded"], "DEAD", discarded=True)
    return named


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    path = tmp_path_factory.mktemp("audit") / "shop"
    return path, asyncio.run(make(path))


def test_what_waits_is_discarded_replayed_or_erased_before_or_after_its_death_is_clean(
    made: tuple[Path, dict[str, str]],
) -> None:
    laws = asyncio.run(audited(made[0]))
    assert {name for name, law in laws.items() if not law.ok} == set()
    assert laws["notified"].numbers["dead"] == 4
    assert laws["letters"].numbers == {"dead": 1, "waiting": 2}


@pytest.mark.parametrize(
    ("file", "changes", "who", "said"),
    [
        (
            "dead_letters-0", ((SET.format("status", "'DISCARDED'"), "letter of waits"), (UNLISTED, "letter of waits")),
            "waits", "{delivery} is DEAD, and has no dead letter",
        ),
        (
            "notifications-0", ((SET.format("deliveries[0].status", "'DEAD'"), "sent"),),
            "sent", "{delivery} is DEAD, and has no dead letter",
        ),
        (
            "notifications-0", ((UNSET.format("deliveries[0].discarded"), "discarded"),),
            "discarded", "{delivery} is DEAD, and has no dead letter",
        ),
        (
            "dead_letters-0", ((SET.format("body", "'{}'"), "letter of waits"),),
            "waits", "{delivery} is DEAD, and has no dead letter",
        ),
        (
            "dead_letters-0", ((SET.format("body", f"'{NOBODYS}'"), "letter of waits"),),
            "waits", "{delivery} is DEAD, and has no dead letter",
        ),
        (
            "notifications-0", ((SET.format("deliveries[0].status", "'SENT'"), "waits"),),
            "waits", "the dead letter {letter} waits, and its delivery {delivery} is SENT",
        ),
        (
            "notifications-0", ((SET.format("deliveries[0].discarded", "json('true')"), "waits"),),
            "waits", "the dead letter {letter} waits, and its delivery {delivery} is discarded",
        ),
        (
            "notifications-0", ((SET.format("deliveries", "json('[]')"), "waits"),),
            "waits", "the dead letter {letter} waits, and its delivery {delivery} is not there",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_by_hand_is_found_and_named(
    made: tuple[Path, dict[str, str]], tmp_path: Path, file: str, changes: tuple[tuple[str, str], ...], who: str,
    said: str,
) -> None:  # fmt: skip
    path, named = shutil.copytree(made[0], tmp_path / "shop"), made[1]
    for sql, key in changes:
        change(path, file, sql, key=named[key])
    laws = asyncio.run(audited(path))
    assert {name for name, law in laws.items() if not law.ok} == {"letters"}
    said = said.format(delivery=delivery_id(named[who], 1), letter=named.get(f"letter of {who}"))
    assert laws["letters"].examples == (said,)


def test_a_letter_may_outlive_what_was_erased_and_forgotten(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    path, named = shutil.copytree(made[0], tmp_path / "shop"), made[1]
    for table, column in (("entity", "key"), ("entity_index", "key"), ("timer", "entity")):
        change(path, "notifications-0", f"DELETE FROM {table} WHERE {column} = :key", key=named["erased"])
    laws = asyncio.run(audited(path))
    assert {name: law.examples for name, law in laws.items() if not law.ok} == {}


async def all_that_becomes_of_the_dead(t: Teller) -> None:
    """Refused, replayed, refused and replayed; erased, and replayed for nothing; discarded."""
    letters = t.shop.dead_letters

    async def dead(name: str) -> str:
        await t.tell(name, "ALARM", "mail")
        return await letter_of(t.shop, t.ids[name], 0)

    await t.user("ann", mail="refused refused ok")
    await letters.replay(await dead("a"), by="oli")
    await letters.replay(await letter_of(t.shop, t.ids["a"], 0), by="oli")
    await became(t.shop, t.ids["a"], "SENT")
    await t.user("ann", mail="refused")
    letter = await dead("b")
    await t.world.engine.ask("notifications", EraseNotification(t.ids["b"], "ann"))
    await letters.replay(letter, by="oli")
    await letters.discard(await dead("c"), by="oli", reason="old")
    await became(t.shop, t.ids["c"], "DEAD", discarded=True)


async def test_after_a_death_at_any_commit_the_letter_is_there_or_on_its_way(tmp_path: Path) -> None:
    every = await found_after_deaths(tmp_path / "shop", all_that_becomes_of_the_dead, posts, FREE)
    assert [{name: law.examples for name, law in laws.items() if not law.ok} for laws in every] == [{}] * len(every)
    seen = {tuple(laws["letters"].numbers.get(name, 0) for name in ("dead", "waiting")) for laws in every}
    assert seen == {(0, 0), (1, 0), (1, 1), (0, 1)}  # on its way, there, and there of what was erased


async def test_a_letter_that_cannot_be_made_yet_is_in_a_retry(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    path = shutil.copytree(made[0], tmp_path / "shop")
    change(path, "dead_letters-0", "UPDATE entity SET state = '{}' WHERE key = :key", key="waiting:notifications/0")
    async with Sagamore.open(path, channels=[Refusing()]) as shop:
        await became(shop, await publish(shop, "ann", "all"), "DEAD")
        (letters,) = shop.files.of("dead_letters")
        async with asyncio.timeout(20):
            for _ in count():
                if (await letters.counts()).retries:
                    break
                await asyncio.sleep(0.005)
    laws = await audited(path)
    assert {name: law.examples for name, law in laws.items() if not law.ok} == {}
    assert laws["letters"].numbers == {"dead": 2, "waiting": 2}


async def test_beside_a_running_owner_a_letter_that_is_gone_is_told_and_no_other_is_missed(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    path, named = shutil.copytree(made[0], tmp_path / "shop"), made[1]
    for sql in (SET.format("status", "'DISCARDED'"), UNLISTED):
        change(path, "dead_letters-0", sql, key=named["letter of waits"])
    gone = {"letters": (f"{delivery_id(named['waits'], 1)} is DEAD, and has no dead letter",)}

    async def is_told(shop: Sagamore, user: str) -> None:
        for n in range(20):
            letter = await letter_of(shop, await publish(shop, user, "once"))
            if n % 2:
                await shop.dead_letters.replay(letter, by="oli")
            else:
                await shop.dead_letters.discard(letter, by="oli", reason="old")

    async with Sagamore.open(path, channels=[Refusing()]) as shop:
        told = [asyncio.create_task(is_told(shop, f"user-{n}")) for n in range(16)]
        looks = 0
        try:
            while not all(task.done() for task in told) or not looks:
                laws = await audited(path)
                assert {name: law.examples for name, law in laws.items() if not law.ok} == gone
                looks += 1
        finally:
            await asyncio.gather(*told)
