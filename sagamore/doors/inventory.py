"""`shop.inventory`: what there is of each product. Every change is a row of the stock ledger, with its reason."""

from sagamore.actors.checks import QUANTITY_MAX, check_quantity, check_whole
from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.stock_errors import StockUnknown
from sagamore.actors.orders.stock_messages import AdjustStock, ReceiveStock, SetStock
from sagamore.actors.text import check_key, check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.message import INTEGER_MAX, Codec, Message
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files

_codec = Codec((Stock,))


class Inventory:
    """Products are known by the host's own ids; receiving one makes it known."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine, self._files = engine, files

    async def receive(
        self, product_id: str, quantity: int, *, reason: str, by: str = "", idempotency_key: str | None = None
    ) -> Stock:
        """A delivery of `quantity` (1 to 10^9). Raises InvalidInput."""
        return await self._ask(receive_stock(product_id, quantity, reason, by), idempotency_key)

    async def adjust(
        self, product_id: str, quantity: int, *, reason: str, by: str = "", idempotency_key: str | None = None
    ) -> Stock:
        """A correction, signed. Raises InvalidInput, StockUnknown, StockCommitted."""
        check_text("product_id", product_id, product=True)
        check_whole("quantity", quantity, -QUANTITY_MAX, QUANTITY_MAX)
        return await self._ask(AdjustStock(product_id, quantity, _reason(reason), _by(by)), idempotency_key)

    async def set(
        self, product_id: str, on_hand: int, *, expected: int, reason: str, by: str = "",
        idempotency_key: str | None = None,
    ) -> Stock:  # fmt: skip
        """A count of the shelf; `expected` is the on_hand it corrects, 0 for a product never seen, which it makes
        known. Raises InvalidInput, StockCommitted, StockChanged."""
        return await self._ask(set_stock(product_id, on_hand, expected, reason, by), idempotency_key)

    async def get(self, product_id: str) -> Stock:
        """The stock of a product. Raises StockUnknown."""
        found = await self._engine.read("inventory", stock_key(check_text("product_id", product_id, product=True)))
        if not isinstance(found, Stock):
            raise StockUnknown(product_id)
        return found

    async def list(self, *, limit: int = 50, cursor: str = "") -> Page[Stock]:
        """All products, by id from the end of the alphabet."""
        readers = self._files.of("inventory")
        return await read_page(readers, _codec.decode, prefix=stock_key(""), limit=limit, cursor=cursor)

    async def _ask(self, message: Message, key: str | None) -> Stock:
        answer = await self._engine.ask("inventory", message, key=check_key(key), scope="inventory")
        assert isinstance(answer, Stock)
        return answer


def receive_stock(product_id: str, quantity: int, reason: str, by: str) -> ReceiveStock:
    """The message of `receive`. Raises InvalidInput."""
    check_text("product_id", product_id, product=True)
    check_quantity("quantity", quantity)
    return ReceiveStock(product_id, quantity, _reason(reason), _by(by))


def set_stock(product_id: str, on_hand: int, expected: int, reason: str, by: str) -> SetStock:
    """The message of `set`. Raises InvalidInput."""
    check_text("product_id", product_id, product=True)
    check_whole("on_hand", on_hand, 0, QUANTITY_MAX)
    check_whole("expected", expected, 0, INTEGER_MAX)
    return SetStock(product_id, on_hand, expected, _reason(reason), _by(by))


def _reason(reason: str) -> str:
    return check_text("reason", reason)


def _by(by: str) -> str:
    return check_text("by", by, optional=True)
