"""The door of `place`: from what a host says to a PlaceOrder, or an InvalidInput before any message exists.

Every error names the field, shows its value and says what would be right; card numbers are refused in every text and
never shown. Whether products exist and are there is not asked here: inventory knows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from sagamore.actors.checks import check_list, check_mapping, check_money, check_quantity, check_time, check_type
from sagamore.actors.money import Money
from sagamore.actors.orders.order_messages import OrderCharge, OrderLine, PlaceOrder
from sagamore.actors.text import check_text, shown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import INTEGER_MAX

LINES_MAX = 1_000  # an order and its hold are one message and one turn each
CHARGES_MAX = 100
METADATA_PAIRS_MAX = 50
METADATA_KEY_CHARACTERS_MAX = 40
METADATA_VALUE_CHARACTERS_MAX = 500  # as payment providers have it, so that it can be passed on
CHARGE_KIND_CHARACTERS_MAX = 40


class Line(msgspec.Struct, frozen=True):
    """`quantity` of one product at `unit_price`."""

    product_id: str
    quantity: int
    unit_price: Money


class Charge(msgspec.Struct, frozen=True):
    """Shipping, tax, discount, adjustment: signed, holds no stock."""

    kind: str
    amount: Money


def place_order(
    order_id: str,
    *,
    user_id: str,
    lines: Sequence[Line],
    charges: Sequence[Charge] = (),
    amount: Money | None = None,
    payment_method: str = "",
    reference: str = "",
    metadata: Mapping[str, str] | None = None,
    pay_by: datetime | None = None,
    placed_at: datetime | None = None,
) -> PlaceOrder:
    """The message. `amount`, if given, must be the sum of lines and charges. Without a payment method the customer pays
    later, by `pay_by`; with both, a refused payment may be repeated until then. Raises InvalidInput."""
    check_text("user_id", user_id)
    check_text("reference", reference, optional=True)
    check_text("payment_method", payment_method, optional=True)
    order_lines, currency = _lines(lines)
    order_charges = _charges(charges, currency)
    total = sum([line.quantity * line.unit_price for line in order_lines] + [charge.amount for charge in order_charges])
    _check_total(total, amount, currency)
    if not payment_method and pay_by is None:
        raise InvalidInput(
            "payment_method", payment_method, "a provider's token, or pay_by to let the customer pay later"
        )
    return PlaceOrder(
        order_id, user_id, order_lines, order_charges, total, currency, payment_method, reference, _metadata(metadata),
        check_time("pay_by", pay_by), check_time("placed_at", placed_at),
    )  # fmt: skip


def _lines(lines: Sequence[Line]) -> tuple[tuple[OrderLine, ...], str]:
    """The order's, and its currency: the first line's."""
    check_list("lines", lines, 1, LINES_MAX)
    checked, currency = [], ""
    for n, line in enumerate(lines):
        field = f"lines[{n}]"
        check_type(field, line, Line)
        product_id = check_text(f"{field}.product_id", line.product_id, product=True)
        quantity = check_quantity(f"{field}.quantity", line.quantity)
        price = check_money(f"{field}.unit_price", line.unit_price)
        if price.minor < 0:
            raise InvalidInput(f"{field}.unit_price", str(price), "0 or more; a discount is a charge below 0")
        currency = currency or price.currency
        _check_currency(f"{field}.unit_price", price, currency)
        checked.append(OrderLine(product_id, quantity, price.minor))
    return tuple(checked), currency


def _charges(charges: Sequence[Charge], currency: str) -> tuple[OrderCharge, ...]:
    check_list("charges", charges, 0, CHARGES_MAX)
    checked = []
    for n, charge in enumerate(charges):
        field = f"charges[{n}]"
        check_type(field, charge, Charge)
        kind = check_text(f"{field}.kind", charge.kind, CHARGE_KIND_CHARACTERS_MAX)
        amount = check_money(f"{field}.amount", charge.amount)
        _check_currency(f"{field}.amount", amount, currency)
        checked.append(OrderCharge(kind, amount.minor))
    return tuple(checked)


def _check_currency(field: str, money: Money, currency: str) -> None:
    if money.currency != currency:
        raise InvalidInput(field, str(money), f"in {currency}, as the first line: an order has one currency")


def _check_total(total: int, amount: Money | None, currency: str) -> None:
    if not 0 <= total <= INTEGER_MAX:
        raise InvalidInput("amount", shown(total), f"lines and charges add up to 0 to {INTEGER_MAX} minor units")
    if amount is not None:
        _check_currency("amount", check_money("amount", amount), currency)
        if amount.minor != total:
            raise InvalidInput("amount", str(amount), f"lines and charges add up to {Money.of_minor(total, currency)}")


def _metadata(metadata: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    if metadata is None:
        return ()
    check_mapping("metadata", metadata, 0, METADATA_PAIRS_MAX)
    for key, value in metadata.items():
        check_text("metadata key", key, METADATA_KEY_CHARACTERS_MAX)
        check_text(f"metadata[{key!r}]", value, METADATA_VALUE_CHARACTERS_MAX, optional=True)
    return tuple(metadata.items())
