"""What `--channels` can compose by itself: a name, or the scheme of a URL, and what makes the channel of it."""

from collections.abc import Callable, Mapping

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.inbox import Inbox
from sagamore.engine.errors import InvalidInput

COMPOSED: Mapping[str, Callable[[str], Channel]] = {"inbox": lambda _: Inbox()}
"""Called with what was written, as a URL says more than its scheme."""


def channels_named(names: str | None) -> tuple[Channel, ...]:
    """Those of a list with commas; none for None. Raises InvalidInput."""
    return () if names is None else tuple(map(_channel, names.split(",")))


def _channel(name: str) -> Channel:
    make = COMPOSED.get(name.partition("://")[0])
    if make is None:
        raise InvalidInput("--channels", name, f"of {', '.join(COMPOSED)}; --app composes any channel")
    return make(name)
