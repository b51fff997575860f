"""How notifications are composed: their actors, and the providers that these call."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from sagamore.actors.notifications.audiences import PAGES, AudiencesActor, PageAnswer, PageRequest, member_key
from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.deliveries import deliveries_actor
from sagamore.actors.notifications.desk import KIND, Desk
from sagamore.actors.notifications.event_type import EventTypes
from sagamore.actors.notifications.inbox import Inbox, InboxActor
from sagamore.actors.notifications.notifications import NotificationsActor
from sagamore.actors.notifications.order_events import ORDERS, order_event_types
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.actors.notifications.template_needs import channels_for_orders, check_templates
from sagamore.actors.notifications.templates import Templates
from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DEAD_LETTERS
from sagamore.engine.effect import Call, Capabilities, Declined, Outcome, Provider, Rate, Succeeded
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import encode
from sagamore.engine.ports import Clock
from sagamore.engine.system_actor import SYSTEM
from sagamore.files import Files

_page_request = msgspec.json.Decoder(PageRequest).decode
RESERVED = (KIND, "audiences", "orders", "payments", "payment_events", "inventory", SYSTEM, DEAD_LETTERS)
"""The kinds of our own actors."""


class Notifying:
    """The parts, made once when a shop is opened. Raises InvalidInput for what does not fit together."""

    def __init__(self, path: Path, channels: Sequence[Channel], settings: NotificationSettings) -> None:
        self.pages = AudiencePages(path)
        self.channels = {channel.name: channel for channel in channels}
        if len(self.channels) < len(channels):
            raise InvalidInput("channels", [channel.name for channel in channels], "each name once")
        for name in self.channels:
            if name in RESERVED:
                raise InvalidInput("channels", name, f"another name than {', '.join(RESERVED)}")
        for field, named in (("rates", settings.rates), ("order_channels", settings.order_channels)):
            for name in named:
                if name not in self.channels:
                    raise InvalidInput(field, name, f"one of {', '.join(self.channels) or 'none'}")
        folders = [Path(folder) for folder in settings.templates]
        templates = Templates(folders, default_locale=settings.locale, channels=channels)
        told = tuple(settings.order_channels) or channels_for_orders(channels, templates)
        own = {category.name for category in settings.categories}
        categories = (*settings.categories, *(() if ORDERS.name in own else (ORDERS,)))
        self.types = EventTypes((*order_event_types(told), *settings.event_types), categories)
        check_templates(self.types, self.channels, templates)
        self.desk = Desk(self.types, channels, templates, settings.user_limit, settings.kept_ms)
        self._settings = settings

    def actors(self) -> tuple[Actor[Any, Any], ...]:
        """None without a channel: orders pay nothing for what nobody hears."""
        if not self.channels:
            return ()
        each = (
            InboxActor() if isinstance(channel, Inbox) else deliveries_actor(channel)
            for channel in self.channels.values()
        )  # fmt: skip
        return NotificationsActor(self.desk), AudiencesActor(self.types), *each

    def providers(self) -> tuple[Provider, ...]:
        """What the channels' actors call."""
        if not self.channels:
            return ()
        sending = (channel for channel in self.channels.values() if not isinstance(channel, Inbox))
        rates = self._settings.rates
        return self.pages, *(_Rated(channel, tuple(rates.get(channel.name, ()))) for channel in sending)

    def open(self, clock: Clock) -> None:
        """Before the first effect is called."""
        for channel in self.channels.values():
            channel.open(clock)

    async def close(self) -> None:
        """Close every channel."""
        await self.pages.close()
        for channel in self.channels.values():
            await channel.close()


class _Rated:
    """A channel as the provider of its pool, within the rates of the settings too."""

    def __init__(self, channel: Channel, rates: tuple[Rate, ...]) -> None:
        self.name = channel.name
        self.capabilities = replace(channel.capabilities, rates=(*channel.capabilities.rates, *rates))
        self.call, self.look_up = channel.call, channel.look_up


class AudiencePages:
    """Reads an audience's members from its file, a page a call: what a broadcast's effects call."""

    name = PAGES
    capabilities = Capabilities(takes_key=True, in_flight_max=4)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: Files | None = None

    async def call(self, call: Call) -> Outcome:
        """The members after the one named, in the order of their ids."""
        request = _page_request(call.request)
        if self._files is None:
            self._files = Files(self._path)
        reader = self._files.readers.get(f"audiences/{request.partition}")
        if reader is None:
            return Declined(f"there is no partition audiences/{request.partition}")
        prefix = member_key(request.audience, "")
        rows = await reader.entities_after(prefix, member_key(request.audience, request.after), request.limit + 1)
        users = tuple(row.key.removeprefix(prefix) for row in rows[: request.limit])
        return Succeeded(encode(PageAnswer(users, len(rows) > request.limit)).decode())

    async def look_up(self, call: Call) -> Outcome | None:
        """A read needs none."""
        return None

    async def close(self) -> None:
        """Close the file."""
        if self._files is not None:
            await self._files.close()
