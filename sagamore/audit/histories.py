"""Every row of the ledgers of stock and money, from the histories to one side, to be sorted by product and by order."""

from sagamore.audit.facts import money_moved, stock_moved
from sagamore.audit.pages import Pages, history
from sagamore.audit.scratch import Scratch
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.envelope import kind_of


async def keep_histories(pages: Pages, scratch: Scratch, verdicts: Verdicts) -> None:
    """Read the histories of inventory and payments from end to end."""
    for address, reader in pages.readers.items():
        if kind_of(address) not in ("inventory", "payments"):
            continue
        async for row in history(reader):
            verdicts.readable.count("turns")
            try:
                for n, goods in enumerate(stock_moved(row)):
                    await scratch.add(
                        "goods",
                        (
                            address, row.turn, n, row.correlation, goods.product_id, goods.kind, goods.on_hand_change,
                            goods.reserved_change, goods.on_hand, goods.reserved,
                        ),
                    )  # fmt: skip
                for n, money in enumerate(money_moved(row)):
                    verdicts.money.count("rows")
                    await scratch.add(
                        "money",
                        (row.turn, n, row.entity, money.kind, money.amount, money.captured, money.refunded),
                    )
            except ValueError as error:
                verdicts.readable.breach(f"{address} turn {row.turn}: {error}")
