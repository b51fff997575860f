"""The conservation laws, checked over all files of a directory, from the files alone, in bounded memory.

    files     SQLite finds every page of every file sound
    stock     each product's ledger, replayed, gives its stock; nothing is promised twice
    money     what each payment has is what its ledger moved; CONFIRMED is paid and held, settled is undone
    orders    every order is at rest, or something owns it: a timer, an effect, a retry, a message, a person
    notified  every notification has ended, or something moves each of its deliveries on; places are held by those
    letters   every dead delivery has its dead letter, until that is discarded, and no other has one
    messages  the numbers of every pair of partitions fit; nothing taken is left behind
    indexes   every row of an index says what its entity says, and every entity is in its indexes

Works on a stopped directory, on one whose owner was killed, and beside a running owner. There is no moment then at
which all files stand still, so what looks like a breach makes a suspect only: unless no file has moved since the start,
its order is read again, closely, and what changed while it was being looked at is `in_flight`, not a breach. What is
kept meanwhile (ledger rows to be sorted, owners) lies in a temporary database of SQLite's, on disk.
"""

from sagamore.audit.cases import judge_orders
from sagamore.audit.histories import keep_histories
from sagamore.audit.indexes import check_indexes
from sagamore.audit.law import Law
from sagamore.audit.ledger import check_ledger, keep_stocks
from sagamore.audit.messages import check_messages
from sagamore.audit.notified import judge_notifications
from sagamore.audit.pages import Pages
from sagamore.audit.scratch import Scratch
from sagamore.audit.sound import check_files
from sagamore.audit.verdicts import Verdicts
from sagamore.files import Files

__all__ = ["Law", "audit"]


async def audit(files: Files) -> list[Law]:
    """Every law, in a fixed order. Raises FileMissing, FileDamaged, NotWritable."""
    verdicts = Verdicts()
    async with Pages(files) as pages, Scratch() as scratch:
        await check_files(pages, verdicts)
        await check_messages(pages, verdicts)
        moments = await keep_stocks(pages, scratch, verdicts)
        await keep_histories(pages, scratch, verdicts)
        await judge_orders(pages, scratch, verdicts)
        await judge_notifications(pages, verdicts)
        await check_ledger(scratch, moments, verdicts)
        await check_indexes(pages, verdicts)
    return verdicts.laws()
