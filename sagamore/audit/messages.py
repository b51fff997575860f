"""The laws of messages (PROTOCOL 1): for the stream from a to b, with what a may have deleted on the left and what it
has numbered on the right,

    a.acknowledged <= b.taken <= a.next - 1

and a's outbox holds every number above `acknowledged`, once. Numbers only rise, so read in this order (acknowledged of
all, taken of all, next of all) the law holds beside a running owner too. In a file that a stop has closed, nothing that
was taken is left in the outbox; after a death, and for a moment while the owner runs, it may be.
"""

from sagamore.audit.pages import Pages, outbox
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.envelope import Address, Parcel

Taken = dict[tuple[Address, Address, int], int]
"""By sender, receiver and lane."""


async def taken_numbers(pages: Pages) -> Taken:
    """What each receiver has taken of each stream."""
    return {
        (sender, receiver, lane): last
        for receiver, reader in pages.readers.items()
        for (sender, lane), last in (await reader.taken()).items()
    }


async def check_messages(pages: Pages, verdicts: Verdicts) -> None:
    """Compare every pair, and read every outbox."""
    check = verdicts.messages
    first = {address: await reader.sent() for address, reader in pages.readers.items()}
    taken = await taken_numbers(pages)
    then = {address: await reader.sent() for address, reader in pages.readers.items()}
    streams = {(a, b, lane) for a, sent in then.items() for b, lane in sent} | {s for s in taken if s[0] in then}
    for sender, receiver, lane in sorted(streams):
        if receiver not in pages.readers:
            continue
        old, new = first[sender].get((receiver, lane)), then[sender].get((receiver, lane))
        last = taken.get((sender, receiver, lane), 0)
        acknowledged, numbered = old.oldest - 1 if old else 0, new.next - 1 if new else 0
        stream = f"{sender} to {receiver}" + (f" (lane {lane})" if lane else "")
        check.count("streams")
        check.count("taken", last)
        check.count("waiting", max(0, numbered - last))
        if not acknowledged <= last <= numbered:
            check.breach(f"{stream}: {acknowledged} acknowledged, {last} taken, {numbered} numbered")
        if new is not None and new.messages != new.next - new.oldest:
            check.breach(f"{stream}: {new.messages} messages kept of {new.oldest} to {numbered}")
    for address, reader in pages.readers.items():
        clean = await reader.clean()
        async for parcel in outbox(reader):
            if problem := _problem(parcel):
                check.breach(f"{address} to {parcel.receiver}: {problem}")
            if parcel.last <= taken.get((address, parcel.receiver, parcel.lane), 0):
                check.count("taken_and_kept", parcel.last - parcel.first + 1)
                if clean:
                    check.breach(f"{address} to {parcel.receiver}: {parcel.first} to {parcel.last} was taken, and kept")


def _problem(parcel: Parcel) -> str:
    if [envelope.seq for envelope in parcel.envelopes] != list(range(parcel.first, parcel.last + 1)):
        return f"the row of {parcel.first} to {parcel.last} holds other numbers"
    return ""
