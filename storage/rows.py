"""Rows as they come from a partition's file, made into the engine's types again."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Envelope, Parcel
from sagamore.engine.ports import AlertRow, HistoryRow, RetryRow, TimerRow

_Envelope = tuple[int, str, str, int, msgspec.Raw, int, str, bool, str]
"""The fields of an Envelope, whose body is left as it is."""

effect_row = msgspec.json.Decoder(EffectRow).decode
alert_row = msgspec.json.Decoder(AlertRow).decode
_history = msgspec.json.Decoder(tuple[int, str, str, str, int, tuple[msgspec.Raw, ...]]).decode
_envelopes = msgspec.json.Decoder(tuple[_Envelope, ...]).decode
_retry = msgspec.json.Decoder(tuple[str, int, tuple[str, ...], _Envelope]).decode

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
    return Parcel(receiver, lane, first, last, at_ms, tuple(Envelope(*fields) for fields in _envelopes(envelopes)))


def retry_row(text: str) -> RetryRow:
    """From the column `row` of a retry."""
    sender, due_ms, errors, envelope = _retry(text)
    return RetryRow(sender, due_ms, errors, Envelope(*envelope))


def history_text(row: HistoryRow) -> tuple[Any, ...]:
    """The columns of a history row; an entity that the story is about is not named again."""
    entity = "" if row.entity == row.correlation else row.entity
    return row.turn, row.correlation, (row.at_ms, entity, row.message, row.message_id, row.attempt, row.notes)


def history_row(row: Sequence[Any]) -> HistoryRow:
    """From HISTORY_COLUMNS."""
    turn, correlation, text = row
    at_ms, entity, message, message_id, attempt, notes = _history(text)
    return HistoryRow(turn, correlation, at_ms, entity or correlation, message, message_id, attempt, notes)
