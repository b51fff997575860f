"""Rows as they come from a partition's file, made into the engine's types again."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Envelope, Parcel
from sagamore.engine.ports import AlertRow, HistoryRow, RetryRow, TimerRow

retry_row = msgspec.json.Decoder(RetryRow).decode
effect_row = msgspec.json.Decoder(EffectRow).decode
alert_row = msgspec.json.Decoder(AlertRow).decode
_history = msgspec.json.Decoder(tuple[int, str, str, str, int, tuple[msgspec.Raw, ...]]).decode
_envelopes = msgspec.json.Decoder(tuple[Envelope, ...]).decode

TIMER_COLUMNS = "entity, name, due_ms, correlation, cause, body"
HISTORY_COLUMNS = "turn, correlation, row"
PARCEL_COLUMNS = "receiver, lane, first, last, at_ms, envelopes"


def timer_row(row: Sequence[Any]) -> TimerRow:
    """From TIMER_COLUMNS."""
    entity, name, due_ms, correlation, cause, body = row
    return TimerRow(entity, name, due_ms, correlation, cause, msgspec.Raw(body.encode()))


def parcel(row: Sequence[Any]) -> Parcel:
    """From PARCEL_COLUMNS."""
    receiver, lane, first, last, at_ms, envelopes = row
    return Parcel(receiver, lane, first, last, at_ms, _envelopes(envelopes))


def history_text(row: HistoryRow) -> tuple[Any, ...]:
    """The columns of a history row; an entity that the story is about is not named again."""
    entity = "" if row.entity == row.correlation else row.entity
    return row.turn, row.correlation, (row.at_ms, entity, row.message, row.message_id, row.attempt, row.notes)


def history_row(row: Sequence[Any]) -> HistoryRow:
    """From HISTORY_COLUMNS."""
    turn, correlation, text = row
    at_ms, entity, message, message_id, attempt, notes = _history(text)
    return HistoryRow(turn, correlation, at_ms, entity or correlation, message, message_id, attempt, notes)
