"""A commit as the parameters of its one statement: JSON text, a column for each kind of row (`schema.COLUMNS`).

Records are written here, all of a column in one call, and looked through for what SQLite's JSON would change: records
and texts that no turn could have stopped, since only the whole is written (PROTOCOL 6, 15).
"""

from collections.abc import Collection
from typing import Any

from sagamore.engine.dead_letters import DEAD_LETTERS
from sagamore.engine.envelope import Parcel, kind_of
from sagamore.engine.errors import NotEncodable
from sagamore.engine.limits import MESSAGE_BYTES_MAX
from sagamore.engine.message import encode_rows, written
from sagamore.engine.ports import Commit
from sagamore.storage import rows


def parameters_of(commit: Commit) -> list[Any]:
    """The columns. Raises NotEncodable."""
    states, timers, retries, effects, alerts = (
        commit.states, commit.timers, commit.retries, commit.effects, commit.alerts,
    )  # fmt: skip
    kept = {key: state for key, state in states.items() if state is not None}
    timers_set = [row for row in timers.values() if row is not None]
    retries_set = [row for row in retries.values() if row is not None]
    effects_left = [row for row in effects.values() if row is not None]
    return [
        commit.turn,
        _text(kept, kept.values()),
        _text([key for key in states if key not in kept]),
        _text([(i.field, i.before, i.key) for i in commit.indexes if i.before is not None]),
        _text([(i.field, i.after, i.key) for i in commit.indexes if i.after is not None]),
        _text([(sender, lane, last) for (sender, lane), last in commit.inbox.items()]),
        _text([(p.receiver, p.lane, p.last + 1) for p in commit.parcels]),
        _parcels(commit.parcels),
        _text([(receiver, lane, last) for (receiver, lane), last in commit.acknowledged.items()]),
        _text(timers_set, [*timers_set, *(row.body for row in timers_set)]),
        _text([key for key, row in timers.items() if row is None]),
        _text([(row.envelope.id, row.due_ms, row) for row in retries_set], retries_set),
        _text([key for key, row in retries.items() if row is None]),
        _text([(e.id, e.provider, e.lane, e.due_ms, e.state == "parked", e) for e in effects_left], effects_left),
        _text([key for key, row in effects.items() if row is None]),
        _text(commit.client_keys, [*commit.client_keys, *(row.answer for row in commit.client_keys)]),
        _text([rows.history_text(row) for row in commit.history], [n for row in commit.history for n in row.notes]),
        _text([row for row in alerts.values() if row is not None]),
        _text([key for key, row in alerts.items() if row is None]),
        _text([(receiver, lane, last) for (receiver, lane), last in commit.undeliverable.items()]),
    ]


def _text(rows: Collection[Any], records: Collection[object] = ()) -> str | None:
    """Rows, and the records in them."""
    return encode_rows(rows, records).decode() if rows else None


def _parcels(parcels: Collection[Parcel]) -> str | None:
    """A message may be as large as one from a client; a dead letter holds one, and its errors."""
    text = _text(
        [(p.receiver, p.lane, p.first, p.last, p.at_ms, p.envelopes) for p in parcels],
        [envelope.body for p in parcels for envelope in p.envelopes],
    )
    if text is not None and len(text) > MESSAGE_BYTES_MAX:
        for parcel in parcels:
            for envelope in parcel.envelopes if kind_of(parcel.receiver) != DEAD_LETTERS else ():
                if len(written(envelope.body)) > MESSAGE_BYTES_MAX:
                    raise NotEncodable("message", envelope.body, f"at most {MESSAGE_BYTES_MAX} bytes")
    return text
