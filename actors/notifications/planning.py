"""Which deliveries an event becomes, and why not others. Pure.

for each channel     an opt-out (unless critical) ──> SUPPRESSED
                     no address                   ──> SUPPRESSED, then its fallback
                     each address                 ──> a dead one SUPPRESSED, the others WAITING
"""

from collections.abc import Iterable, Mapping, Sequence

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.event_type import Category
from sagamore.actors.notifications.notification import Delivery
from sagamore.actors.notifications.user import User
from sagamore.actors.notifications.wishes import wish_against

NO_ADDRESS = "no address"
UNKNOWN_USER = "unknown user"


def plan(
    user: User | None, category: Category, channels: Sequence[str], composed: Mapping[str, Channel], first: int = 1,
    fallback_for: int = 0, used: Iterable[str] = (),
) -> tuple[Delivery, ...]:  # fmt: skip
    """The deliveries for these channels and the fallbacks of those that cannot be used, numbered from `first` on; a
    channel that was `used` before is no fallback."""
    planned: list[Delivery] = []
    waiting = [(channel, fallback_for) for channel in dict.fromkeys(channels)]
    seen = {*channels, *used}
    while waiting:
        channel, instead_of = waiting.pop(0)
        found = _of_channel(user, category, channel, composed, first + len(planned), instead_of)
        planned += found
        other = category.fallbacks.get(channel, "")
        reached = any(delivery.status == "WAITING" for delivery in found)
        if other and not reached and other not in seen and not _opted_out(found):
            seen.add(other)
            waiting.append((other, found[0].n))
    return tuple(planned)


def _of_channel(
    user: User | None, category: Category, channel: str, composed: Mapping[str, Channel], n: int, fallback_for: int
) -> list[Delivery]:
    def one(status: str, address: str = "", reason: str = "", at: int = n) -> Delivery:
        return Delivery(at, channel, status, address, reason, fallback_for=fallback_for)  # type: ignore[arg-type]

    if user is None:
        return [one("SUPPRESSED", reason=UNKNOWN_USER)]
    if channel not in composed:
        return [one("SUPPRESSED", reason=f"no channel {channel} in this program")]
    against = "" if category.critical else wish_against(user, category.name, channel)
    if against:
        return [one("SUPPRESSED", reason=f"opted out of {against}")]
    addresses = user.addresses_of(channel) if composed[channel].addressed else (user.id,)
    if not addresses:
        return [one("SUPPRESSED", reason=NO_ADDRESS)]
    found: list[Delivery] = []
    for at, address in enumerate(addresses, n):
        why = user.why_dead(channel, address)
        found.append(one("SUPPRESSED", address, f"the address {why}", at) if why else one("WAITING", address, at=at))
    return found


def _opted_out(found: Sequence[Delivery]) -> bool:
    """A wish is obeyed, not gone around."""
    return any(delivery.reason.startswith("opted out") for delivery in found)
