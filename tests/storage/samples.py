"""Rows to commit, and journals that are closed again whatever happens."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Envelope, Parcel
from sagamore.engine.ports import (
    AlertRow,
    ClientKeyRow,
    Commit,
    HistoryRow,
    IndexChange,
    Journal,
    Opened,
    RetryRow,
    TimerRow,
)
from sagamore.storage.directory import Directory
from sagamore.storage.journal import SQLiteJournal

TEXT = 'ä ☃ \U0001f600 "quoted" \\ / \n\t'
BODY = msgspec.Raw(msgspec.json.encode({"type": "shop.visit/1", "note": TEXT, "total": 2**63 - 1, "rate": 1.0}))
NOW_MS = 1_700_000_000_000


def envelope(seq: int, sender: str = "orders/0") -> Envelope:
    return Envelope(seq, f"{sender}:{seq}.0", "ord_1", NOW_MS, BODY, attempt=2, trace="00-aa-bb-01")


def parcel(first: int, last: int, receiver: str = "payments/0", lane: int = 0) -> Parcel:
    return Parcel(receiver, lane, first, last, NOW_MS + first, tuple(envelope(n) for n in range(first, last + 1)))


def timer(entity: str, name: str, due_ms: int) -> TimerRow:
    return TimerRow(entity, name, due_ms, "ord_1", "orders/0:7", BODY)


def retry(message: int, due_ms: int) -> RetryRow:
    return RetryRow("payments/0", due_ms, ("ValueError: no", TEXT), envelope(message, "payments/0"))


def effect(name: str, due_ms: int = 5, **fields: object) -> EffectRow:
    row = EffectRow(name, "pay_1", "ord_1", "twin", "charge", f"key-{name}", "", BODY_TEXT, NOW_MS, 7, due_ms)
    return msgspec.structs.replace(row, **fields)


BODY_TEXT = bytes(BODY).decode()


def history(correlation: str, turn: int, entity: str = "") -> HistoryRow:
    notes = (msgspec.Raw(b'"paid"'), msgspec.Raw(b'{"a":[1,null]}'))
    entity = entity or correlation
    return HistoryRow(turn, correlation, NOW_MS + turn, entity, "shop.visit/1", f"orders/0:{turn}.0", 1, notes)


def client_key(key: str, at_ms: int = NOW_MS, answer: bytes = b'{"type":"a/1"}') -> ClientKeyRow:
    return ClientKeyRow(key, "hash", at_ms, msgspec.Raw(answer))


def alert(name: str, subject: str, count: int = 1) -> AlertRow:
    return AlertRow(name, subject, NOW_MS, count, "look at it")


def commit_of(turn: int, states: Mapping[str, bytes | None] | None = None, *rest: Any, **others: Any) -> Commit:
    """A commit whose states are given as their JSON."""
    written: dict[str, Any] = {
        key: None if state is None else msgspec.Raw(state) for key, state in (states or {}).items()
    }
    return Commit(turn, written, *rest, **others)


def everything() -> Commit:
    """A commit that uses every field."""
    return commit_of(
        9,
        {"ord_1": bytes(BODY), "ord_2": b'{"type":"order/1"}'},
        [IndexChange("status", "ord_1", None, "paid")],
        {("payments/0", 0): 3},
        [parcel(1, 2)],
        {},
        {("ord_1", "expire"): timer("ord_1", "expire", 50)},
        {"payments/0:3.0": retry(3, 60)},
        {"fx_1": effect("fx_1")},
        [client_key("k1")],
        [history("ord_1", 9)],
        {("stuck", "ord_1"): alert("stuck", "ord_1")},
    )


@contextlib.asynccontextmanager
async def opened(journal: Journal, *, clean: bool = False) -> AsyncIterator[Opened]:
    """What `open` says, while the journal is open."""
    position = await journal.open()
    try:
        yield position
    finally:
        await journal.close(clean=clean)


async def run_once(path: Path, partitions: Mapping[str, int], commits: Mapping[str, Commit] | None = None) -> None:
    """A whole life of a directory: opened, recorded, one commit in each of some partitions, stopped."""
    directory = Directory.open(path, partitions, now_ms=NOW_MS)
    try:
        journals: dict[str, SQLiteJournal] = {address: directory.journal(address) for address in directory.addresses}
        for journal in journals.values():
            await journal.open()
        directory.record_generations()
        for address, commit in (commits or {}).items():
            await journals[address].commit(commit)
        for journal in journals.values():
            await journal.close(clean=True)
    finally:
        directory.close()
