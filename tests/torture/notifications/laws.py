"""The laws that hold of a stopped directory, whatever it went through; each check yields what breaks them.

every delivery ends       and nothing is left: no place held, nobody in a line, no effect under way
sent is sent              a receiver took a copy of each SENT one
no copy goes uncounted    copies <= (1 if SENT) + uncertain, for each delivery; one at most where keys are known, or
                          where the category would rather have none than two
dead is kept              each DEAD one has its dead letter, and no other has one that waits
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Protocol

from sagamore.actors.notifications.allowance import Allowance, allowance_key
from sagamore.actors.notifications.messages import Redeliver
from sagamore.actors.notifications.notification import ENDS, Notification, delivery_id
from sagamore.actors.notifications.planning import NO_ADDRESS
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.message import Codec
from sagamore.files import Files
from tests.torture.notifications.events import NEVER_TWICE, SILENT

_decode = Codec((Notification, Allowance, DeadLetter)).decode
_message = Codec((Redeliver,)).decode
ROWS = 1_000
REDELIVER = f"{Redeliver.__tag__}/"


class Log(Protocol):
    """What a receiver remembers."""

    @property
    def name(self) -> str:
        """Its channel's."""
        ...

    @property
    def keyed(self) -> bool:
        """Whether it does a key at most once."""
        ...

    copies: Counter[str]
    """Per delivery how often it was taken."""


async def notifications_of(files: Files) -> dict[str, Notification]:
    """All, by id."""
    return {n.id: n async for n in _states(files, "notifications", "ntf_")}


async def check_laws(files: Files, found: Mapping[str, Notification], logs: Mapping[str, Log]) -> list[str]:
    """All of them."""
    letters = [letter async for letter in _states(files, DEAD_LETTERS, "dl_")]
    breaches = [*_check_ends(found.values()), *_check_copies(found.values(), logs), *_check_dead(found, letters)]
    allowances = [known async for known in _states(files, "notifications", allowance_key(""))]
    breaches += [f"at rest {allowance}" for allowance in allowances if allowance.held or allowance.line]
    for kind in ("notifications", "audiences", *logs):
        for reader in files.of(kind):
            counts = await reader.counts()
            in_line = await reader.entities_by_prefix("line:", None, 1)
            being_sent = await reader.entities_by_prefix("dlv_", None, 1)
            left = {
                "retries": counts.retries, "effects": counts.effects_pending + counts.effects_parked,
                "messages": counts.outbox_messages, "in line": len(in_line), "being sent": len(being_sent),
            }  # fmt: skip
            breaches += [f"{reader.path.name}: {count} {name}" for name, count in left.items() if count]
    return breaches


def _check_ends(found: Iterable[Notification]) -> Iterator[str]:
    for notification in found:
        if notification.status != "DONE":
            yield f"{notification.id} is {notification.status}"
        for delivery in notification.deliveries:
            if delivery.status not in ENDS:
                yield f"{delivery_id(notification.id, delivery.n)} is {delivery.status}"
            if delivery.fallback_for:
                instead_of = notification.deliveries[delivery.fallback_for - 1]
                unusable = instead_of.reason == NO_ADDRESS or instead_of.reason.startswith("the address")
                silent = instead_of.status == "SENT" and notification.event_type in SILENT
                if instead_of.status != "DEAD" and not unusable and not silent:
                    yield f"{delivery_id(notification.id, delivery.n)} is the fallback of {instead_of}"


def _check_copies(found: Iterable[Notification], logs: Mapping[str, Log]) -> Iterator[str]:
    known: set[str] = set()
    for notification in found:
        for delivery in notification.deliveries:
            id_, log, is_sent = (
                delivery_id(notification.id, delivery.n),
                logs[delivery.channel],
                delivery.status == "SENT",
            )
            copies = log.copies[id_]
            known.add(id_)
            what = f"{id_} on {delivery.channel} ({delivery}) has {copies} copies"
            if is_sent and not copies:
                yield what
            if copies > is_sent + delivery.uncertain:
                yield f"{what}, more than are counted"
            if copies > 1 and (log.keyed or notification.event_type in NEVER_TWICE):
                yield f"{what}, and must have one at most"
    for log in logs.values():
        if unknown := log.copies.keys() - known:
            yield f"{log.name} took {len(unknown)} that nobody sent: {sorted(unknown)[:3]}"


def _check_dead(found: Mapping[str, Notification], letters: Iterable[DeadLetter]) -> Iterator[str]:
    dead = Counter(
        delivery_id(notification.id, delivery.n)
        for notification in found.values()
        for delivery in notification.deliveries
        if delivery.status == "DEAD"
    )
    waiting: Counter[str] = Counter()
    for letter in letters:
        if not letter.message_type.startswith(REDELIVER):
            yield f"a letter that is none of a delivery: {letter}"
        elif letter.status == "WAITING":
            waiting[_message(letter.body.encode()).delivery] += 1
    if dead != waiting:
        either = sorted((dead - waiting) + (waiting - dead))
        yield f"{dead.total()} are dead, {waiting.total()} letters wait; not both: {either[:3]}"


async def _states(files: Files, kind: str, prefix: str) -> AsyncIterator[Any]:
    for reader in files.of(kind):
        before = None
        while page := await reader.entities_by_prefix(prefix, before, ROWS):
            for row in page:
                yield _decode(row.state)
            before = page[-1].key
