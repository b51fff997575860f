"""Limits, judged by the receivers' own logs, by arrival: no sliding window is ever over its quota, whatever happens:
calls of any length, deaths, and a wall clock that somebody sets."""

import random
from pathlib import Path

from msgspec.structs import replace

from sagamore.actors.notifications.allowance import UserLimit
from sagamore.actors.notifications.door import Event
from sagamore.actors.orders.settings import OrderSettings
from sagamore.engine.effect import Rate
from sagamore.engine.testing import ManualClock
from tests.torture.bank import Bank
from tests.torture.notifications.arrivals import most_in_a_window, most_of_a_user
from tests.torture.notifications.events import SETTINGS
from tests.torture.notifications.post import Post, PostChat, PostMail, PostText
from tests.torture.world import World

OF_PROVIDER = (Rate(5, 1_000), Rate(40, 20_000))
OF_CHANNEL = (Rate(4, 700),)
OF_USER = UserLimit(sends_max=3, window_ms=5_000, under_way_max=2)
USERS = 12
ADDRESSES = ("ok", "ok", "lost ok", "error throttled ok", "refused", "unreached ok")
ROUNDS = 6
DAY_MS = 86_400_000
REST_MS = 3 * 60_000


async def test_no_window_is_ever_over_its_quota_across_deaths_and_a_wall_clock_that_is_set(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, clock = random.Random(seed), ManualClock(seed=seed)
    chat, mail, text = PostChat(clock, OF_PROVIDER), PostMail(clock), PostText(clock)
    posts: tuple[Post, ...] = (chat, mail, text)
    for post in posts:
        post.takes_ms = 900
    settings = replace(SETTINGS, rates={"mail": OF_CHANNEL}, user_limit=OF_USER)
    world = World(tmp_path / "shop", OrderSettings(), clock, Bank(clock), posts, settings)
    await world.open()
    addresses = {f"u{n}": chance.choice(ADDRESSES) for n in range(USERS)}
    for user, address in addresses.items():
        await world.shop.users.set(user, addresses=[(post.name, address) for post in posts])
    ids: list[str] = []
    for round_ in range(ROUNDS):
        for n in range(chance.randrange(20)):
            channels = chance.sample([post.name for post in posts], chance.choice((1, 2)))
            event = Event(
                event_type=chance.choice(("PING", "ALARM")),
                user_id=chance.choice(list(addresses)),
                channels=tuple(channels),
                data={"n": n},
            )
            ids.append((await world.shop.notifications.publish(event, idempotency_key=f"{round_} {n}")).id)
        await clock.advance(chance.randrange(4_000))
        if chance.random() < 0.5:
            clock.step(chance.choice((-1, 1)) * chance.choice((300, 5_000, DAY_MS)))
        if chance.random() < 0.5:
            await world.kill()
            if chance.random() < 0.5:
                clock.step(chance.randrange(-10_000, 10_000))
            await world.open()
    clock.step(2 * DAY_MS)  # what was to be done later is due by the clock that was set back
    await clock.advance(REST_MS)
    done = [await world.shop.notifications.get(id_) for id_ in ids]
    await world.stop()
    assert [notification for notification in done if notification.status != "DONE"] == []
    for post, rates in ((chat, OF_PROVIDER), (mail, OF_CHANNEL)):
        assert post.arrivals
        for rate in rates:
            assert most_in_a_window((a.at_ms for a in post.arrivals), rate.window_ms) <= rate.calls_max
    every = [arrival for post in posts for arrival in post.arrivals]
    assert most_of_a_user(every, OF_USER.window_ms) == OF_USER.sends_max  # and it was reached
