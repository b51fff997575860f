"""A stock that was read while it moved is held against the ledger as it was then."""

import pytest

from sagamore.audit.ledger import check_ledger
from sagamore.audit.scratch import Scratch
from sagamore.audit.verdicts import Verdicts

ROWS = ((1, "received", 5, 5), (3, "received", 3, 8), (6, "adjusted", -1, 7), (9, "received", 1, 8))
"""(turn, kind, change, on hand)"""


@pytest.mark.parametrize(
    ("on_hand", "since", "until", "holds"),
    [
        (7, 6, 6, True),
        (8, 6, 6, False),
        (5, 1, 6, True),  # read before turn 3, while turns 2 to 6 were being taken
        (8, 2, 6, True),
        (7, 2, 6, True),
        (5, 4, 6, False),  # turn 3 was long over
        (8, 4, 4, True),
        (6, 1, 6, False),
    ],
)
async def test_the_ledger_passes_through_what_was_read_between_two_turns(
    on_hand: int, since: int, until: int, holds: bool
) -> None:
    verdicts = Verdicts()
    async with Scratch() as scratch:
        await scratch.add("stock", ("inventory/0", "MUG", on_hand, 0))
        for turn, kind, change, after in ROWS:
            await scratch.add("goods", ("inventory/0", turn, 0, "", "MUG", kind, change, 0, after, 0))
        await check_ledger(scratch, {"inventory/0": (since, until)}, verdicts)
    assert verdicts.ledger.law().ok is holds


async def test_a_product_that_came_while_the_stocks_were_read_need_not_be_among_them() -> None:
    for since, holds in ((0, True), (1, False)):
        verdicts = Verdicts()
        async with Scratch() as scratch:
            await scratch.add("goods", ("inventory/0", 1, 0, "", "MUG", "received", 5, 0, 5, 0))
            await check_ledger(scratch, {"inventory/0": (since, 6)}, verdicts)
        assert verdicts.ledger.law().ok is holds
