"""Which templates a program cannot do without: found when it is opened, so that nobody finds it in a dead letter.

    of the events of orders    on each channel that `order_channels` names; without it they go where there are all
    of other events            on each channel of their type
    of both                    on the channels that their category falls back to

A channel that is not composed, or takes no parts, needs none.
"""

from collections.abc import Iterable, Mapping, Sequence

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.event_type import Category, EventTypes
from sagamore.actors.notifications.order_events import order_event_types
from sagamore.actors.notifications.templates import Templates
from sagamore.engine.errors import InvalidInput

FILES_NAMED_MAX = 3
_OF_ORDERS = tuple(event_type.name for event_type in order_event_types(()))


def channels_for_orders(channels: Iterable[Channel], templates: Templates) -> tuple[str, ...]:
    """Those on which each event of orders can be told."""
    return tuple(
        channel.name
        for channel in channels
        if not any(templates.missing(event_type, channel, default_only=True) for event_type in _OF_ORDERS)
    )


def check_templates(types: EventTypes, channels: Mapping[str, Channel], templates: Templates) -> None:
    """Raises InvalidInput that names the file that is missing; or the file, the variable and the event's fields for a
    variable that is none of them; or the locale for a default one that has no templates at all."""
    templates.check_locale()
    templates.check_variables({event_type.name: event_type.fields for event_type in types.types.values()})
    files: dict[tuple[str, str], list[str]] = {}
    for event_type in types.types.values():
        named = "order_channels" if event_type.name in _OF_ORDERS else f"channels of {event_type.name}"
        for name in with_fallbacks(event_type.channels, types.category(event_type.category)):
            if name in channels:
                field = named if name in event_type.channels else f"fallbacks of {event_type.category}"
                files.setdefault((field, name), []).extend(templates.missing(event_type.name, channels[name]))
    for (field, name), missing in files.items():
        if missing:
            raise InvalidInput(field, name, needed(missing))


def with_fallbacks(channels: Sequence[str], category: Category) -> list[str]:
    """The channels that may be used for an event that goes to these."""
    found = list(dict.fromkeys(channels))
    for name in found:  # it grows
        if (other := category.fallbacks.get(name)) and other not in found:
            found.append(other)
    return found


def needed(files: Sequence[str]) -> str:
    """What is said of files that are missing."""
    more = len(files) - FILES_NAMED_MAX
    named = ", ".join(files[:FILES_NAMED_MAX]) + f" and {more} more" * (more > 0)
    return f"a channel that has all its templates: {named} {'is' if len(files) == 1 else 'are'} not there"
