"""The verdict on a directory after its last life: the clients' ledger, the files, and the receivers' own logs.

nothing accepted is lost    each event that a client was told of has its notification, each member of a broadcast's
                            audience one, and there is no other
every delivery ends         sent + suppressed + expired + cancelled + dead = what the events must become, exactly
limits                      no window of any receiver's log is over its quota
and the laws of `laws.py`
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sagamore.actors.notifications.notification import ENDS, Notification, delivery_id
from sagamore.audit import audit
from sagamore.files import Files
from tests.torture.ledger import ClientLedger
from tests.torture.notifications.arrivals import most_in_a_window, most_of_a_user
from tests.torture.notifications.events import AUDIENCE_USERS, CHAT_RATE, MAIL_RATE, USER_LIMIT, Told, person, told
from tests.torture.notifications.laws import check_laws, notifications_of
from tests.torture.notifications.receivers import Receiver


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
            found = await notifications_of(files)
            self.wrong += await check_laws(files, found, self._receivers)
            self.wrong += [f"audit: {law}" for law in await audit(files) if not law.ok]
        finally:
            await files.close()
        planned = self._planned(found, events)
        self.wrong += self._cancelled(found)
        self.wrong += [breach for receiver in self._receivers.values() for breach in receiver.breaches]
        deliveries = [delivery for notification in found.values() for delivery in notification.deliveries]
        ends = Counter(delivery.status for delivery in deliveries)
        fallbacks = sum(1 for delivery in deliveries if delivery.fallback_for)
        if sum(ends[status] for status in ENDS) != planned + fallbacks:
            self.wrong.append(f"{dict(ends)} are not the {planned} planned deliveries and {fallbacks} fallbacks")
        uncertain = sum(delivery.uncertain for delivery in deliveries)
        if (extra := self._extra(found)) > uncertain:
            self.wrong.append(f"{extra} extra copies, {uncertain} counted uncertain")
        requests = sum(len(receiver.arrivals) for receiver in self._receivers.values())
        faults = sum((receiver.faults for receiver in self._receivers.values()), Counter[str]())
        return {
            "events": len(self._ledger.placed), "notifications": len(found), "planned": planned, "fallbacks": fallbacks,
            **{status.lower(): ends[status] for status in ENDS}, "extra_copies": extra, "uncertain": uncertain,
            "requests": requests, **faults, **self._limits(),
        }  # fmt: skip

    def _planned(self, found: dict[str, Notification], events: int) -> int:
        """How many deliveries the accepted events must become, each of which has its notification."""
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

    def _cancelled(self, found: dict[str, Notification]) -> Iterator[str]:
        gone = {id_ for steps in self._ledger.steps.values() for id_ in steps.get("cancel", {}).get("gone", ())}
        for notification in found.values():
            for delivery in notification.deliveries:
                id_ = delivery_id(notification.id, delivery.n)
                if id_ in gone and delivery.status not in ("CANCELLED", "SUPPRESSED", "EXPIRED"):
                    yield f"{id_} was cancelled and is {delivery.status}"

    def _extra(self, found: dict[str, Notification]) -> int:
        """Copies at receivers that know no keys, beyond the one of each SENT delivery."""
        keyless = {name: receiver for name, receiver in self._receivers.items() if not receiver.keyed}
        taken = sum(receiver.copies.total() for receiver in keyless.values())
        return taken - sum(
            delivery.status == "SENT" and delivery.channel in keyless
            for notification in found.values()
            for delivery in notification.deliveries
        )

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
