"""What customers and shop say to each other over the shop's pipes: one JSON object a line.

    → {"type":"place","n":7,…}      ← {"type":"accepted","n":7,"order":"ord_…"}
                                    ← {"type":"ended","n":7,"order":"ord_…","status":"CONFIRMED","reason":""}
                                    or {"type":"sold_out","n":7}
    → {"type":"meet","n":9,…}       ← {"type":"met","n":9}
    → {"type":"receive","n":8,…}    ← {"type":"received","n":8}
                                    ← {"type":"snapshot",…} four times a second

`n` numbers what customers ask for and makes the idempotency key, so that anything may be asked again.
"""

import msgspec


class Piece(msgspec.Struct, frozen=True):
    """So many of a product, at a price as `12.50`."""

    product: str
    quantity: int
    price: str


class Place(msgspec.Struct, frozen=True, tag="place"):
    """Order it; `cancel` it again after so many milliseconds, if any."""

    n: int
    user: str
    currency: str
    pieces: tuple[Piece, ...]
    cancel_after_ms: int | None = None


class Receive(msgspec.Struct, frozen=True, tag="receive"):
    """A delivery comes in."""

    n: int
    product: str
    quantity: int


class Meet(msgspec.Struct, frozen=True, tag="meet"):
    """So many customers, `customer-0` and on, have phones."""

    n: int
    customers: int


Command = Place | Receive | Meet


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The shop takes commands."""

    pid: int


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The order is on disk."""

    n: int
    order: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """Nothing of the order is under way any more."""

    n: int
    order: str
    status: str
    reason: str


class SoldOut(msgspec.Struct, frozen=True, tag="sold_out"):
    """There was visibly not enough; no order was made."""

    n: int


class Received(msgspec.Struct, frozen=True, tag="received"):
    """The delivery is on the shelf."""

    n: int


class Met(msgspec.Struct, frozen=True, tag="met"):
    """The customers are known."""

    n: int


class Told(msgspec.Struct, frozen=True):
    """What became of messages in this life of the shop; `uncertain` attempts lost their answer."""

    sent: int = 0
    suppressed: int = 0
    uncertain: int = 0
    in_flight: int = 0


class Provider(msgspec.Struct, frozen=True):
    """What calls of the provider came to in this life of the shop; `unanswered` are lost answers and 5xx."""

    ok: int = 0
    refused: int = 0
    unanswered: int = 0
    in_flight: int = 0
    breaker: str = "CLOSED"


class Shelf(msgspec.Struct, frozen=True):
    """One product's stock."""

    product: str
    on_hand: int
    reserved: int
    available: int


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """How it stands."""

    provider: Provider
    told: Told
    shelves: tuple[Shelf, ...]


Reply = Opened | Accepted | Ended | SoldOut | Received | Met | Snapshot

decode_command = msgspec.json.Decoder(Command).decode
decode_reply = msgspec.json.Decoder(Reply).decode
