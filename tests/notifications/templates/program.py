"""A program with a channel, an event type and templates of its own, as it is when a shop is opened."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sagamore.actors.notifications.channel import Channel, Outgoing, sent
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.effect import Call, Capabilities, Outcome
from sagamore.engine.message import Record
from sagamore.notifying import Notifying
from tests.notifications.templates.kit import folder

PARCEL = "PARCEL/en/chat.text.txt"


class Chat(Channel, name="chat", parts=("text",), optional=("link",)):
    """A host's own."""

    capabilities = Capabilities(takes_key=True)

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """It arrives."""
        return sent()


class Hook(Channel, name="webhook", addressed=False):
    """Needs no template."""


class Parcel(Record, tag="PARCEL", version=2):
    """1 had `shelf` for `place`."""

    place: str
    code: str = ""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        """A shelf is a place."""
        return {"place": fields.pop("shelf")} | fields


def composed(
    at: Path, *channels: Channel, types: Iterable[EventType] = (), files: dict[str, str] | None = None, **more: Any
) -> Notifying:
    """A program's notifications, as they are when a shop is opened."""
    categories = more.pop("categories", (Category(name="parcels"),))
    settings = NotificationSettings(
        event_types=tuple(types), categories=categories,
        templates=(folder(at / "templates", **(files or {})),), **more,
    )  # fmt: skip
    return Notifying(at / "shop", channels, settings)


def parcel(*channels: str) -> tuple[EventType]:
    """Its type, which goes to these channels."""
    return (EventType(Parcel, "parcels", channels),)
