"""A channel: a way to a user that bears a name, has addresses of its own, and one provider that sends.

    class Chat(Channel, name="chat", parts=("text",)):
        capabilities = Capabilities(takes_key=True)

        def check_address(self, address: str) -> str:
            if not address.startswith("#"):
                raise BadAddress(self.name, address, "a room, as #sales")
            return address

        async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
            answer = await self._client.post(outgoing.address, outgoing.part("text"), key=call.key)
            return sent(answer.id)

Its name is the kind of the actor that keeps its deliveries, the name of its provider's pool, and what events,
preferences and templates call it. Checks are pure; whatever `send` raises is an unknown outcome.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from sagamore.actors.notifications.errors import BadAddress
from sagamore.engine.effect import Call, Capabilities, Declined, NotReached, Outcome, Succeeded, Unknown
from sagamore.engine.message import Record, encode
from sagamore.engine.ports import Clock
from sagamore.engine.text import error_text, storable


class Outgoing(Record, frozen=True, omit_defaults=True):
    """One delivery as its provider gets it: the request of the effect, the same bytes at every attempt."""

    delivery: str
    """`dlv_…`, the idempotency key too; the same in every copy of what is sent."""
    user_id: str
    address: str
    event_type: str
    category: str
    parts: tuple[tuple[str, str], ...]
    """Rendered: (name, text)."""
    created_ms: int
    expires_at_ms: int = 0
    data: str = ""
    """The event's data as JSON, for channels that are read by programs."""

    def part(self, name: str) -> str:
        """A rendered part; empty if there is none."""
        return next((text for part, text in self.parts if part == name), "")


class Accepted(Record, frozen=True, omit_defaults=True):
    """The provider took it, and calls it so; the answer of an effect that succeeded."""

    provider_id: str = ""
    message: str = ""


class Refusal(Record, frozen=True, omit_defaults=True):
    """The provider will never take it; the answer of an effect that was refused. `dead_address`: nor anything else for
    that address."""

    code: str
    message: str
    dead_address: bool = False


def sent(provider_id: str = "", message: str = "") -> Succeeded:
    """The provider took it."""
    return Succeeded(encode(Accepted(storable(provider_id), storable(message))).decode())


def permanent(code: str, message: str, *, dead_address: bool = False) -> Declined:
    """The provider will never take it: no attempt follows."""
    return Declined(encode(Refusal(storable(code), storable(message), dead_address)).decode())


class CannotSend(Exception):
    """What was rendered must not be sent: a permanent failure, `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


_TEXT_OF: dict[type[Outcome], str] = {
    Succeeded: "answer", Declined: "answer", NotReached: "reason", Unknown: "reason",
}  # fmt: skip


def _unnamed(outcome: Outcome, address: str) -> Outcome:
    """What is kept of an outcome, in histories and dead letters, outlives an erasure: the address is not in it."""
    field = _TEXT_OF.get(type(outcome))
    text = getattr(outcome, field) if field else ""
    if not field or not isinstance(text, str) or (kept := _without(address, text)) == text:
        return outcome
    return replace(outcome, **{field: kept})


def _without(address: str, text: str) -> str:
    if not address or address.lower() not in text.lower():  # to make an expression for each address takes 17 us
        return text
    return re.sub(re.escape(address), "(address)", text, flags=re.IGNORECASE)


_decode = msgspec.json.Decoder(Outgoing).decode


class Channel:
    """Subclass it with a name and the parts that a template of it must have (`parts`) and may have (`optional`)."""

    name: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]]
    receipts: ClassVar[bool]
    """Its provider reports `delivered`: silence means something (fallback after a time)."""
    addressed: ClassVar[bool]
    """Users have addresses of it; otherwise it finds them by their ids."""
    capabilities: Capabilities = Capabilities(takes_key=False)

    def __init_subclass__(
        cls, *, name: str = "", parts: tuple[str, ...] = (), optional: tuple[str, ...] = (), receipts: bool = False,
        addressed: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        super().__init_subclass__(**options)
        if name:
            cls.name, cls.parts, cls.optional = name, parts, optional
            cls.receipts, cls.addressed = receipts, addressed

    clock: Clock
    """Set by `open`."""

    def open(self, clock: Clock) -> None:
        """The program that sends through it begins, in the event loop that it is to be used in."""
        self.clock = clock

    def check_address(self, address: str) -> str:
        """The address as it is to be kept. Raises BadAddress."""
        if not address:
            raise BadAddress(self.name, address, "text that is not empty")
        return address

    def check_parts(self, parts: Mapping[str, str]) -> None:
        """Raises CannotSend for what must never leave, as a line end in a header."""

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """Make one attempt: `sent`, `permanent`, NotReached, Throttled or Unknown."""
        raise NotImplementedError

    async def call(self, call: Call) -> Outcome:
        """The engine's Provider: one attempt."""
        outgoing = _decode(call.request)
        try:
            return _unnamed(await self.send(outgoing, call), outgoing.address)
        except Exception as error:
            text = error_text(error)
            if (kept := _without(outgoing.address, text)) == text:
                raise
            raise RuntimeError(kept) from error

    async def look_up(self, call: Call) -> Outcome | None:
        """No channel of ours can be asked what became of a message."""
        return None

    async def close(self) -> None:
        """Let go of connections."""
