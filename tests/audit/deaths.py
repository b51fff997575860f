"""What an audit finds after deaths at the commits of a client's script, in the files as they were left."""

from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.actors.orders.settings import OrderSettings
from sagamore.audit import Law
from sagamore.engine.dead_letters import DEAD_LETTERS
from sagamore.engine.envelope import Address, kind_of
from sagamore.engine.testing import Fault, ManualClock
from tests.audit.kit import audited
from tests.torture.bank import Bank
from tests.torture.notifications.scenarios import Life, Teller
from tests.torture.world import World

Channels = Callable[[ManualClock], Sequence[Channel]]


async def found_after_deaths(
    path: Path, life: Life, channels: Channels, settings: NotificationSettings
) -> list[dict[str, Law]]:
    """One audit a death in notifications or dead letters, and before them that of the script unharmed, which is killed
    at its end."""
    laws, commits = await _lived(path, life, channels, settings)
    points = [at for at, address in enumerate(commits, 1) if kind_of(address) in ("notifications", DEAD_LETTERS)]
    deaths = [Fault("crash_after", at) for at in points]
    return [laws, *[(await _lived(path, life, channels, settings, death))[0] for death in deaths]]


async def _lived(
    path: Path, life: Life, channels: Channels, settings: NotificationSettings, *faults: Fault
) -> tuple[dict[str, Law], list[Address]]:
    rmtree(path, ignore_errors=True)
    clock = ManualClock()
    world = World(path, OrderSettings(), clock, Bank(clock), channels(clock), settings)
    await world.open(*faults)
    try:
        await world.live(life(Teller(world)))
    finally:
        await world.kill()
    return await audited(path), world.store.faults.commits
