"""The scripted deaths of notifications: each commit point of a script, before and after the write; the next life must
come to the same end, and the laws hold. As `tests/torture/matrix.py` does for orders.
"""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from shutil import rmtree
from traceback import extract_tb
from typing import Any

from msgspec import Struct

from sagamore.actors.notifications.notification import Notification
from sagamore.actors.orders.settings import OrderSettings
from sagamore.audit import audit
from sagamore.engine.testing import Fault, ManualClock, ProcessDied
from sagamore.files import Files
from tests.torture.bank import Bank
from tests.torture.matrix import DEATHS
from tests.torture.notifications.arrivals import most_of_a_user
from tests.torture.notifications.laws import check_laws, notifications_of
from tests.torture.notifications.scenarios import TELLINGS, Teller, posts
from tests.torture.world import World

REST_MS = 2 * 86_400_000
"""After the client's last line: what it does not wait for comes to its end too."""


class Run(Struct, frozen=True):
    """What one run came to."""

    end: dict[str, Any]
    breaches: list[str]
    points: int
    """Commits of the first life."""


async def run(name: str, path: Path, fault: Fault | None = None) -> Run:
    """One run in a fresh directory; with a fault its first life ends in it."""
    rmtree(path, ignore_errors=True)
    clock = ManualClock()
    settings, channels = TELLINGS[name][1], posts(clock)
    world = World(path, OrderSettings(), clock, Bank(clock), channels, settings)
    points = 0
    ids: dict[str, str] | None = None
    for each in (fault, None) if fault else (None,):
        ids = await _life(name, world, each)
        points = points or len(world.store.faults.commits)
        if ids is not None:
            break
    assert ids is not None
    await world.stop()
    files = Files(path)
    try:
        found = await notifications_of(files)
        breaches = await check_laws(files, found, {channel.name: channel for channel in channels})
        breaches += [f"audit: {law}" for law in await audit(files) if not law.ok]
    finally:
        await files.close()
    limit = settings.user_limit
    most = most_of_a_user([a for channel in channels for a in channel.arrivals], limit.window_ms)
    if limit.sends_max and most > limit.sends_max:
        breaches.append(f"{most} deliveries to one user in a window of {limit.sends_max}")
    return Run(_end(found, ids), breaches, points)


def _end(found: dict[str, Notification], ids: dict[str, str]) -> dict[str, Any]:
    """Each notification's end, by the client's name of it, and of those that it cannot name the number of each end."""
    names = {id_: name for name, id_ in ids.items()}
    ends = {id_: tuple((d.channel, d.status, d.fallback_for) for d in n.deliveries) for id_, n in found.items()}
    named = {names[id_]: end for id_, end in ends.items() if id_ in names}
    others = Counter((found[id_].event_type, found[id_].user_id, end) for id_, end in ends.items() if id_ not in names)
    return {**named, "others": others}


async def _life(name: str, world: World, fault: Fault | None) -> dict[str, str] | None:
    """Open and live; the client's names of what it told, or None if the process died."""
    try:
        await world.open(*([fault] if fault else []))
    except ProcessDied:
        return None
    try:
        teller = Teller(world)
        if await world.live(TELLINGS[name][0](teller)):
            await world.clock.advance(REST_MS)
            if not world.store.faults.died.is_set():
                return teller.ids
    except BaseException:
        if not world.store.faults.died.is_set():
            await world.kill()
            raise
    await world.kill()
    return None


async def deaths_of(name: str, path: Path, chance: Random, share: float) -> AsyncIterator[tuple[str, list[str]]]:
    """Die at every commit point, before and after it, or at a share of them, at least one; of each death its name and
    what is wrong with what followed. The first is the run in which nobody dies."""
    unharmed = await run(name, path)
    yield name, unharmed.breaches
    points = [Fault(death, at) for at in range(1, unharmed.points + 1) for death in DEATHS]
    for fault in chance.sample(points, max(1, round(len(points) * share))):
        try:
            died = await run(name, path, fault)
        except Exception as error:
            where = extract_tb(error.__traceback__)[-1]
            found = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno} {where.line})"
            yield f"{name} {fault.action} {fault.at}", [found]
            continue
        keys = sorted(unharmed.end.keys() | died.end.keys())
        other = [key for key in keys if died.end.get(key) != unharmed.end.get(key)]
        wrong = [f"{key} ends as {died.end.get(key)}, unharmed as {unharmed.end.get(key)}" for key in other]
        yield f"{name} {fault.action} {fault.at}", died.breaches + wrong
