"""The verdict on a directory after its last life: the clients' ledger, the files, and the receivers' own logs.

nothing accepted is lost    each event that a client was told of has its notification, each member of a broadcast's
                            audience one, and there is no other
every delivery ends         sent + suppressed + expired + cancelled + dead = what the events must become, exactly
sent is sent                a receiver took a copy of each SENT one
no copy goes uncounted      copies <= (1 if SENT) + uncertain, for each delivery; one at most where keys are known, or
                            where the category would rather have none than two
dead is kept                each DEAD one has its dead letter, and no other has one
nothing is left             no place is held, nobody waits in a line, no effect is under way
limits                      no window of any receiver's log is over its quota
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sagamore.actors.notifications.allowance import Allowance, allowance_key
from sagamore.actors.notifications.deliveries import Sending
from sagamore.actors.notifications.messages import Redeliver
from sagamore.actors.notifications.notification import ENDS, Delivery, Notification, delivery_id
from sagamore.actors.notifications.planning import NO_ADDRESS
from sagamore.audit import audit
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.message import Codec
from sagamore.files import Files
from tests.torture.ledger import ClientLedger
from tests.torture.notifications.events import (
    AUDIENCE_USERS,
    CHAT_RATE,
    MAIL_RATE,
    NEVER_TWICE,
    USER_LIMIT,
    Told,
    person,
    told,
)
from tests.torture.notifications.receivers import Receiver, most_in_a_window, most_of_a_user

_decode = Codec((Notification, Allowance, Sending, DeadLetter)).decode
_message = Codec((Redeliver,))
ROWS = 1_000
REDELIVER = f"{Redeliver.__tag__}/"


class Judge:
    """`judge` gives numbers; what is wrong is in `wrong`."""

    def __init__(self, directory: Path, receivers: dict[str, Receiver], seed: int, users: int) -> None:
        self._ledger = ClientLedger(directory / "clients.jsonl")
        self._ledger.close()
        self._directory, self._receivers, self._seed, self._users = directory, receivers, seed, users
        self.wrong = list(self._ledger.breaches)

    async def judge(self, events: int) -> dict[str, int]:
        """Hold everything against everything."""
        files = Files(self._directory / "shop")
        try:
            found = {n.id: n async for n in _states(files, "notifications", "ntf_")}
            letters = [letter async for letter in _states(files, DEAD_LETTERS, "dl_")]
            await self._left(files)
            self.wrong += [f"audit: {law}" for law in await audit(files) if not law.ok]
        finally:
            await files.close()
        planned = self._accepted(found, events)
        deliveries = {delivery_id(n.id, d.n): (n, d) for n in found.values() for d in n.deliveries}
        ends = Counter(delivery.status for _, delivery in deliveries.values())
        fallbacks = sum(1 for _, delivery in deliveries.values() if delivery.fallback_for)
        if sum(ends[status] for status in ENDS) != planned + fallbacks or len(deliveries) != planned + fallbacks:
            self.wrong.append(f"{dict(ends)} are not the {planned} planned deliveries and {fallbacks} fallbacks")
        self.wrong += self._statuses(found.values())
        self.wrong += self._copies(deliveries)
        self.wrong += _buried(deliveries, letters)
        self.wrong += [breach for receiver in self._receivers.values() for breach in receiver.breaches]
        extra = sum(
            receiver.copies[id_] - (deliveries[id_][1].status == "SENT")
            for receiver in self._receivers.values() if not receiver.keyed
            for id_ in receiver.copies if id_ in deliveries
        )  # fmt: skip
        uncertain = sum(delivery.uncertain for _, delivery in deliveries.values())
        if extra > uncertain:
            self.wrong.append(f"{extra} extra copies, {uncertain} counted uncertain")
        requests = sum(len(receiver.arrivals) for receiver in self._receivers.values())
        faults = sum((receiver.faults for receiver in self._receivers.values()), Counter[str]())
        return {
            "events": len(self._ledger.placed), "notifications": len(found), "planned": planned, "fallbacks": fallbacks,
            **{status.lower(): ends[status] for status in ENDS}, "extra_copies": extra, "uncertain": uncertain,
            "requests": requests, **faults, **self._limits(),
        }  # fmt: skip

    def _accepted(self, found: dict[str, Notification], events: int) -> int:
        """How many deliveries the accepted events must become."""
        placed, planned = self._ledger.placed, 0
        if missing := events - len(placed):
            self.wrong.append(f"{missing} events were never accepted")
        broadcasts: dict[str, Counter[str]] = {id_: Counter() for id_ in placed.values() if id_.startswith("bc_")}
        for notification in found.values():
            if notification.broadcast:
                broadcasts[notification.broadcast][notification.user_id] += 1
        for n, id_ in placed.items():
            what = told(self._seed, n, self._users)
            if not what.user:
                planned += self._told_once(id_, broadcasts[id_], what)
            elif id_ not in found or found[id_].user_id != what.user or found[id_].event_type != what.type:
                self.wrong.append(f"event {n}, accepted as {id_}, is lost: {found.get(id_)}")
            else:
                expected = person(self._seed, int(what.user[1:])).deliveries(what)
                planned += expected
                known = sum(not delivery.fallback_for for delivery in found[id_].deliveries)
                if known != expected:
                    self.wrong.append(f"event {n} must become {expected} deliveries: {found[id_]}")
        known_ids = {n.id for n in found.values() if not n.broadcast}
        if others := known_ids - set(placed.values()):
            self.wrong.append(f"{len(others)} notifications that no client was told of: {sorted(others)[:3]}")
        return planned

    def _told_once(self, broadcast: str, told_users: Counter[str], what: Told) -> int:
        members = range(min(self._users, AUDIENCE_USERS))
        if told_users != Counter(f"u{n}" for n in members):
            self.wrong.append(f"{broadcast} told {len(told_users)} of {len(members)}: {told_users.most_common(3)}")
        return sum(person(self._seed, n).deliveries(what) for n in members)

    def _statuses(self, found: Iterable[Notification]) -> Iterator[str]:
        gone = {id_ for steps in self._ledger.steps.values() for id_ in steps.get("cancel", {}).get("gone", ())}
        for notification in found:
            if notification.status != "DONE":
                yield f"{notification.id} is {notification.status}"
            for delivery in notification.deliveries:
                id_ = delivery_id(notification.id, delivery.n)
                if delivery.status not in ENDS:
                    yield f"{id_} is {delivery.status}"
                if id_ in gone and delivery.status not in ("CANCELLED", "SUPPRESSED", "EXPIRED"):
                    yield f"{id_} was cancelled and is {delivery.status}"
                if delivery.fallback_for:
                    instead_of = notification.deliveries[delivery.fallback_for - 1]
                    if instead_of.status != "DEAD" and not _unusable(instead_of):
                        yield f"{id_} is the fallback of {instead_of}"

    def _copies(self, deliveries: dict[str, tuple[Notification, Delivery]]) -> Iterator[str]:
        for receiver in self._receivers.values():
            if unknown := receiver.copies.keys() - deliveries.keys():
                yield f"{receiver.name} took {len(unknown)} that nobody sent: {sorted(unknown)[:3]}"
        for id_, (notification, delivery) in deliveries.items():
            receiver = self._receivers[delivery.channel]
            copies, is_sent = receiver.copies[id_], delivery.status == "SENT"
            what = f"{id_} on {delivery.channel} ({delivery}) has {copies} copies"
            if is_sent and not copies:
                yield what
            if copies > is_sent + delivery.uncertain:
                yield f"{what}, more than are counted"
            if copies > 1 and (receiver.keyed or notification.event_type in NEVER_TWICE):
                yield f"{what}, and must have one at most"

    async def _left(self, files: Files) -> None:
        async for allowance in _states(files, "notifications", allowance_key("")):
            if allowance.held or allowance.line:
                self.wrong.append(f"at rest {allowance}")
        for kind in ("notifications", *self._receivers):
            for reader in files.of(kind):
                counts = await reader.counts()
                in_line = await reader.entities_by_prefix("line:", None, 1)
                being_sent = await reader.entities_by_prefix("dlv_", None, 1)
                left = {
                    "retries": counts.retries, "effects": counts.effects_pending + counts.effects_parked,
                    "messages": counts.outbox_messages, "in line": len(in_line), "being sent": len(being_sent),
                }  # fmt: skip
                self.wrong += [f"{reader.path.name}: {count} {name}" for name, count in left.items() if count]

    def _limits(self) -> dict[str, int]:
        """The fullest window of each, by the receivers' own logs."""
        every = [arrival for receiver in self._receivers.values() for arrival in receiver.arrivals]
        chat, mail = ([a.at_ms for a in self._receivers[name].arrivals] for name in ("chat", "mail"))
        fullest = {
            "chat": (most_in_a_window(chat, CHAT_RATE.window_ms), CHAT_RATE.calls_max),
            "mail": (most_in_a_window(mail, MAIL_RATE.window_ms), MAIL_RATE.calls_max),
            "user": (most_of_a_user(every, USER_LIMIT.window_ms), USER_LIMIT.sends_max),
        }
        over = {name: window for name, window in fullest.items() if window[0] > window[1]}
        self.wrong += [f"{name}: {most} in a window of {quota}" for name, (most, quota) in over.items()]
        return {f"fullest_window_of_{name}": most for name, (most, _) in fullest.items()}


def _buried(deliveries: dict[str, tuple[Notification, Delivery]], letters: Iterable[DeadLetter]) -> Iterator[str]:
    dead = Counter(id_ for id_, (_, delivery) in deliveries.items() if delivery.status == "DEAD")
    buried: Counter[str] = Counter()
    for letter in letters:
        if letter.message_type.startswith(REDELIVER):
            buried[_message.decode(letter.body.encode()).delivery] += 1
        else:
            yield f"a letter that is none of a delivery: {letter}"
    if dead != buried:
        either = sorted((dead - buried) + (buried - dead))
        yield f"{dead.total()} are dead, {buried.total()} have letters; not both: {either[:3]}"


def _unusable(delivery: Delivery) -> bool:
    dead = delivery.reason.startswith("the address")
    return delivery.status == "SUPPRESSED" and (dead or delivery.reason == NO_ADDRESS)


async def _states(files: Files, kind: str, prefix: str) -> Any:
    for reader in files.of(kind):
        before = None
        while page := await reader.entities_by_prefix(prefix, before, ROWS):
            for row in page:
                yield _decode(row.state)
            before = page[-1].key
