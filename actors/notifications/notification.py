"""A notification: one event for one user, and its deliveries, one for each channel and address.

    a notification   SCHEDULED ── due ──> ACTIVE ── all deliveries have ended ──> DONE
                         └── cancelled ──> DONE
    a delivery       WAITING ── a place in the user's limit ──> SENDING ──> SENT
                                                                   ├──> DEAD  (a dead letter; replayed: WAITING)
                         └──────────────────────────────────────── ├──> EXPIRED
                                                                   └──> CANCELLED
                     SUPPRESSED from the start, with the reason

`ntf_` and 32 digits; a delivery is `dlv_`, the same digits and its number, so that a delivery's id alone finds its
notification.
"""

from typing import Literal

from msgspec.structs import replace

from sagamore.engine.message import Record, State

DeliveryStatus = Literal["WAITING", "SENDING", "SENT", "SUPPRESSED", "EXPIRED", "CANCELLED", "DEAD"]
ReceiptKind = Literal["delivered", "bounced", "complained"]
Status = Literal["SCHEDULED", "ACTIVE", "DONE"]
ENDS: tuple[DeliveryStatus, ...] = ("SENT", "SUPPRESSED", "EXPIRED", "CANCELLED", "DEAD")


class Delivery(Record, frozen=True, omit_defaults=True):
    """One event on one channel to one address."""

    n: int
    channel: str
    status: DeliveryStatus
    address: str = ""
    reason: str = ""
    attempts: int = 0
    uncertain: int = 0
    """Attempts whose answer nobody knows: each may be an extra copy."""
    provider_id: str = ""
    receipt: ReceiptKind | Literal[""] = ""
    receipt_at_ms: int = 0
    template: str = ""
    """The version of the template that it was rendered from."""
    round: int = 0
    """How often it was refused and replayed: the provider remembers a refused key."""
    listening: bool = False
    """A receipt is waited for, else its fallback is used."""
    fallback_for: int = 0
    """The number of the delivery that failed or stayed silent; numbers begin at 1."""
    discarded: bool = False
    """A person discarded its dead letter."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come but receipts."""
        return self.status in ENDS

    @property
    def may_go_on(self) -> bool:
        """Whether something may still be made of it after its end: a replay, a fallback."""
        return self.listening or (self.status == "DEAD" and not self.discarded)


class Notification(State, tag="notifications.notification", version=1, omit_defaults=True):
    """Kept under its id."""

    id: str
    user_id: str
    event_type: str
    category: str
    status: Status
    created_ms: int
    data: str = ""
    """The event's data; gone when all has ended but for what can be replayed."""
    channels: tuple[str, ...] = ()
    bulk: bool = False
    due_ms: int = 0
    expires_ms: int = 0
    why: str = ""
    """Why it was deferred, or never became deliveries; `cancelled` once that was asked for."""
    order_id: str = ""
    broadcast: str = ""
    deliveries: tuple[Delivery, ...] = ()

    def delivery(self, n: int) -> Delivery | None:
        """By its number."""
        return self.deliveries[n - 1] if 1 <= n <= len(self.deliveries) else None

    def with_delivery(self, changed: Delivery) -> "Notification":
        """That one changed, or added as the last."""
        n = changed.n - 1
        return replace(self, deliveries=(*self.deliveries[:n], changed, *self.deliveries[n + 1 :]))

    def bare(self) -> "Notification":
        """Without anything personal; what a provider said may name the address."""
        deliveries = tuple(
            replace(delivery, address="", reason="" if delivery.attempts else delivery.reason)
            for delivery in self.deliveries
        )
        return replace(self, data="", deliveries=deliveries)


def delivery_id(notification_id: str, n: int) -> str:
    """Of the n-th delivery."""
    return f"dlv_{notification_id.removeprefix('ntf_')}_{n}"


def notification_of(delivery: str) -> tuple[str, int]:
    """The notification of a delivery, and its number. Raises ValueError if it is no delivery's id."""
    digits, _, n = delivery.removeprefix("dlv_").rpartition("_")
    if not delivery.startswith("dlv_") or not digits or not n.isascii() or not n.isdigit():
        raise ValueError(f"{delivery!r} is no delivery's id")
    return f"ntf_{digits}", int(n)
