"""What may be told: event types, each with the schema of its data, and categories, by which people choose.

    class ParcelArrived(Record, tag="PARCEL_ARRIVED", version=2):
        shop: str
        code: str

        @classmethod
        def upcast(cls, fields, version):           # version 1 had no code
            return fields | {"code": ""}

    EventType(ParcelArrived, category="parcels", channels=("push", "sms"))

An event's data is a versioned record like every other: fields are checked at the door, old versions are read for ever,
a newer one than the program knows is refused.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from sagamore.actors.notifications.errors import BadEventData, UnknownEvent
from sagamore.actors.text import shown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Codec, Record, encode

Duplicates = Literal["counted", "never"]


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """What people opt out of, and how its deliveries are made."""

    name: str
    critical: bool = False
    """Ignores opt-outs and quiet hours; never a bounced or complained address."""
    bulk: bool = False
    """In the lane that gives way: marketing."""
    fallbacks: Mapping[str, str] = {}
    """Channel to channel: where one fails (no address, dead letter), or is silent for `silence_ms`, the other is
    used."""
    silence_ms: int = 0
    """How long a channel that declares receipts may be silent before its fallback; 0 is for ever."""
    expires_ms: int = 0
    """How long after the event a delivery still makes sense; 0 is for ever."""
    duplicates: Duplicates = "counted"
    """An attempt whose answer is unknown, at a provider that takes no key: made again and counted, or never."""


class EventType(msgspec.Struct, frozen=True):
    """`data` is the schema; its tag is the event type's name, as ORDER_SHIPPED."""

    data: type[Record]
    category: str
    channels: tuple[str, ...] = ("email",)
    """Where an event that names no channels goes."""

    @property
    def name(self) -> str:
        """As events call it."""
        return self.data.__tag__

    @property
    def fields(self) -> tuple[str, ...]:
        """Of the newest version of its data, as events and templates call them."""
        return self.data.__struct_encode_fields__

    def filled(self, data: Mapping[str, object]) -> dict[str, object]:
        """The data, and what the schema has for fields that it leaves out."""
        defaults: dict[str, object] = {}
        for field in msgspec.structs.fields(self.data):
            if field.default is not msgspec.NODEFAULT:
                defaults[field.encode_name] = msgspec.to_builtins(field.default)
            elif field.default_factory is not msgspec.NODEFAULT:
                defaults[field.encode_name] = msgspec.to_builtins(field.default_factory())
        return defaults | dict(data)


class EventTypes:
    """Those of one program. Raises InvalidInput for a name used twice, or a category that is not there."""

    def __init__(self, types: Iterable[EventType], categories: Iterable[Category]) -> None:
        self.types: dict[str, EventType] = {}
        self.categories: dict[str, Category] = {}
        for category in categories:
            if self.categories.setdefault(category.name, category) is not category:
                raise InvalidInput("categories", category.name, "each name once")
        for event_type in types:
            if self.types.setdefault(event_type.name, event_type) is not event_type:
                raise InvalidInput("event_types", event_type.name, "each name once")
            if event_type.category not in self.categories:
                known = ", ".join(sorted(self.categories)) or "none"
                raise InvalidInput(f"category of {event_type.name}", event_type.category, f"one of: {known}")
        self._codec = Codec(event_type.data for event_type in self.types.values())
        self._omitted = {
            event_type.name: event_type.filled({})
            for event_type in self.types.values()
            if event_type.data.__struct_config__.omit_defaults
        }

    def check(self, event_type: str, version: int, data: Mapping[str, object]) -> str:
        """The data as it is stored: JSON that says its type and version. Raises UnknownEvent, BadEventData."""
        known = self.types.get(event_type)
        if known is None:
            raise UnknownEvent("event_type", event_type, f"one of: {', '.join(sorted(self.types)) or 'none'}")
        newest = known.data.__version__
        if type(version) is not int or not 1 <= version <= newest:
            raise UnknownEvent("version", shown(version), f"1 to {newest}, which this program knows of {event_type}")
        if "type" in data:
            raise BadEventData("data.type", shown(data["type"]), "another name: `type` is the event's own")
        if version == newest:
            _check_names("data", data, known.data)
        try:
            stored = msgspec.json.encode({"type": f"{event_type}/{version}", **data})
            record = self._codec.decode(stored)
            text = encode(record).decode()
        except Exception as error:  # an upcast is the host's, and may fail in any way on what a client sends
            raise BadEventData("data", data, f"the fields of {event_type} version {version}: {error}") from error
        if version == newest:
            _check_inside("data", data, record)
        return text

    def read(self, stored: str) -> tuple[EventType, dict[str, object]]:
        """The type of stored data, and its fields in the newest version, for templates. Raises ValueError for a type
        that this program does not know any more."""
        record = self._codec.decode(stored)
        event_type = self.types[type(record).__tag__]
        fields: dict[str, object] = msgspec.to_builtins(record)
        fields.pop("type", None)
        return event_type, self._omitted.get(event_type.name, {}) | fields

    def category(self, name: str) -> Category:
        """By its name; one without options, if this program does not know it any more."""
        return self.categories.get(name) or Category(name=name)


def _check_names(path: str, given: Mapping[str, object], record: type[msgspec.Struct]) -> None:
    """A field that the record has not would be dropped. Raises BadEventData."""
    known = (*record.__struct_encode_fields__, record.__struct_config__.tag_field)
    for name, value in given.items():
        if name not in known:
            fields = ", ".join(record.__struct_encode_fields__) or "none"
            raise BadEventData(f"{path}.{shown(name)}", shown(value), f"a field of {_name_of(record)}: {fields}")


def _check_inside(path: str, given: object, taken: object) -> None:
    """The same for the records inside, once it is known which they are."""
    match given, taken:
        case Mapping(), msgspec.Struct():
            _check_names(path, given, type(taken))
            fields = dict(zip(taken.__struct_encode_fields__, taken.__struct_fields__, strict=True))
            for name, value in given.items():
                if name in fields:
                    _check_inside(f"{path}.{name}", value, getattr(taken, fields[name]))
        case Mapping(), Mapping():
            for name, value in given.items():
                _check_inside(f"{path}.{name}", value, taken.get(name))
        case ((list() | tuple()), (list() | tuple())):
            for n, (value, one) in enumerate(zip(given, taken, strict=False)):
                _check_inside(f"{path}[{n}]", value, one)


def _name_of(record: type[msgspec.Struct]) -> str:
    return (issubclass(record, Record) and record.__tag__) or record.__name__
