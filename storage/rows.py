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
history_row = msgspec.json.Decoder(HistoryRow).decode
_envelopes = msgspec.json.Decoder(tuple[Envelope, ...]).decode

TIMER_COLUMNS = "entity, name, due_ms, correlation, cause, body"
PARCEL_COLUMNS = "receiver, lane, first, last, at_ms, envelopes"


def timer_row(row: Sequence[Any]) -> TimerRow:
    """From TIMER_COLUMNS."""
    entity, name, due_ms, correlation, cause, body = row
    return TimerRow(entity, name, due_ms, correlation, cause, msgspec.Raw(body.encode()))


def parcel(row: Sequence[Any]) -> Parcel:
    """From PARCEL_COLUMNS."""
    receiver, lane, first, last, at_ms, envelopes = row
    return Parcel(receiver, lane, first, last, at_ms, _envelopes(envelopes))
