"""One order, one story: the turns of all actors that belong to it, in causal order, from the files alone.

Every turn's history row names the message that caused it, and a message's id names the turn that sent it
(`orders/0:1234.1`), so the rows of all files are one tree, across attempts and restarts. A fact that names another
story, as that of a notification, leads on to it. Rows are told by time; a cause
always before what it led to, also when clocks say otherwise.
"""

import heapq
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

import msgspec

from sagamore.actors.money import Money
from sagamore.engine.envelope import Address
from sagamore.engine.ports import HistoryRow
from sagamore.files import Files
from sagamore.storage.reader import PAGE_ROWS_MAX


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One turn of a story."""

    at: datetime
    actor: Address
    turn: int
    entity: str
    message: str
    """The message's type."""
    cause: str
    """The turn that sent it, `orders/0:1234`; empty if it came from outside."""
    attempt: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        time = self.at.strftime("%Y-%m-%d %H:%M:%S.") + f"{self.at.microsecond // 1000:03}Z"
        tries = f" (attempt {self.attempt})" if self.attempt > 1 else ""
        notes = "; ".join(self.notes)
        return f"{time}  {self.actor:<13} {self.message}{tries}" + (f"  {notes}" if notes else "")


async def read_story(files: Files, correlation: str) -> AsyncIterator[Line]:
    """The story of an order (or of any entity that commands were sent to)."""
    rows: dict[str, tuple[Address, HistoryRow]] = {}
    stories, told = [correlation], {correlation}
    while stories:
        story = stories.pop()
        for address, reader in files.readers.items():
            after = 0
            while page := await reader.history(story, after, PAGE_ROWS_MAX):
                rows |= {f"{address}:{row.turn}": (address, row) for row in page}
                after = page[-1].turn
                stories += [other for row in page for other in _led_to(row) if other not in told]
                told.update(stories)
    for place in _in_causal_order(rows):
        yield _line(*rows[place])


def _led_to(row: HistoryRow) -> Iterable[str]:
    """The stories that go on from this one: a notification of an order has one of its own."""
    for note in row.notes:
        if b'"story"' in bytes(note) and isinstance(fact := msgspec.json.decode(note), dict) and "story" in fact:
            yield fact["story"]


def _in_causal_order(rows: dict[str, tuple[Address, HistoryRow]]) -> Iterable[str]:
    """By time; what a turn led to never before it, and the turns of one partition in their order."""
    waits: dict[str, set[str]] = {}
    leads_to: dict[str, list[str]] = {}
    latest: dict[Address, str] = {}
    for place, (address, row) in sorted(rows.items(), key=lambda item: (item[1][0], item[1][1].turn)):
        causes = {cause for cause in (row.cause, latest.get(address)) if cause in rows}
        latest[address] = place
        waits[place] = causes
        for cause in causes:
            leads_to.setdefault(cause, []).append(place)
    ready = [(rows[place][1].at_ms, place) for place, causes in waits.items() if not causes]
    heapq.heapify(ready)
    while ready:
        _, place = heapq.heappop(ready)
        yield place
        for next_place in leads_to.get(place, ()):
            waits[next_place].discard(place)
            if not waits[next_place]:
                heapq.heappush(ready, (rows[next_place][1].at_ms, next_place))


def _line(address: Address, row: HistoryRow) -> Line:
    return Line(
        at=datetime.fromtimestamp(row.at_ms / 1000, UTC),
        actor=address,
        turn=row.turn,
        entity=row.entity,
        message=row.message.partition("/")[0],
        cause=row.cause,
        attempt=row.attempt,
        notes=tuple(_say(bytes(note)) for note in row.notes),
    )


def _say(note: bytes) -> str:
    """A note as text; a fact as `what: field value, …`."""
    fact = msgspec.json.decode(note)
    if isinstance(fact, str):
        return fact
    kind = str(fact.pop("type", "fact")).partition("/")[0]
    if kind == "notifications.told":
        return f"told as {fact['story']}"
    if kind == "money.moved" and (currency := fact.pop("currency", "")):
        amounts = ("amount", "captured", "refunded")
        fact |= {name: Money.of_minor(fact[name], currency) for name in amounts if fact[name]}
    if kind == "state.entered":
        return f"{fact['before']} → {fact['after']}" + (f" ({fact['why']})" if fact.get("why") else "")
    return f"{kind}: " + ", ".join(f"{name} {value}" for name, value in fact.items() if value not in ("", 0, None))
