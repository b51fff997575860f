"""Readings of the protocol that break a promise: one rule changed, and the promise that must be seen to break.

`also` switches off rules that would hide the change, since some rules guard each other; with those alone off, that
promise is not broken. `row` is the place in PROTOCOL: B1 to B21, or a rule of part A.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.protocol import scenarios as s
from tests.protocol.effect_model import Charge
from tests.protocol.effect_state import Failures, Reading
from tests.protocol.explore import Model
from tests.protocol.model import Protocol
from tests.protocol.rules import Rules
from tests.protocol.state import Scenario


@dataclass(frozen=True)
class Mutant:
    """A change to the rules, in a world where it matters."""

    row: str
    reading: str
    scenario: Scenario
    change: Mapping[str, Any]
    breaks: str
    also: Mapping[str, Any] = field(default_factory=dict)

    def model(self, *, changed: bool = True) -> Model[Any]:
        """The world under that reading, or under the rules."""
        return Protocol(self.scenario, Rules(**self.also, **(self.change if changed else {})))


@dataclass(frozen=True)
class EffectMutant:
    """The same for an effect."""

    row: str
    reading: str
    failures: Failures
    change: Mapping[str, Any]
    breaks: str
    also: Mapping[str, Any] = field(default_factory=dict)
    keyed: bool = True
    look_up: bool = False
    attempts_max: int = 3

    def model(self, *, changed: bool = True) -> Model[Any]:
        """The world under that reading, or under the rules."""
        reading = Reading(**self.also, **(self.change if changed else {}))
        provider: dict[str, Any] = {"keyed": self.keyed, "look_up": self.look_up, "attempts_max": self.attempts_max}
        return Charge(self.failures, reading, **provider)


def _one_dies(scenario: Scenario) -> Scenario:
    return s.failing(scenario, partition=1)


MUTANTS = [
    Mutant("B1", "the inbox takes any number above the last", _one_dies(s.orders), {"takes": "rising"},
        "pay(1) is taken before an elder", also={"handshake": False}),
    Mutant("B1", "the same, and a read from disk that is offered though the relay was sent back",
        s.slowly(s.three, partition=1), {"takes": "rising"}, "ship(0) is taken before an elder",
        also={"stale_read": "offered"}),
    Mutant("B2", "one counter for all receivers, an acknowledgement deletes every row up to it", s.noted,
        {"numbers": "per sender", "takes": "rising", "deletes": "any receiver"}, "lost: ship(0)"),
    Mutant("B2", "an acknowledgement deletes the rows of every receiver", s.noted, {"deletes": "any receiver"},
        "lost: ship(0)"),
    Mutant("B3", "fresh rows from memory while elders wait", s.parcels, {"fresh_waits": False},
        "nothing failed, and a message was refused"),
    Mutant("B3", "the same, where any rising number is taken", s.parcels, {"fresh_waits": False},
        "pay(1) is taken before an elder", also={"takes": "rising"}),
    Mutant("B4", "duplicates are dropped silently", s.failing(s.answered, process=1), {"duplicate": "dropped"},
        "P's row 1 to 1 is never deleted", also={"handshake": False}),
    Mutant("B5", "acknowledged with the turn", _one_dies(s.orders), {"acknowledgements_wait": False}, "lost: pay(1)"),
    Mutant("B5", "acknowledged at sight", s.failing(s.orders, partition=2), {"duplicate": "at sight"}, "lost: pay(1)"),
    Mutant("B6", "rows leave before their commit", _one_dies(s.orders), {"rows_wait": False},
        "pay(0) is applied twice"),
    Mutant("B7", "the next number is found in the outbox", _one_dies(s.orders), {"next_number": "from outbox"},
        "lost: pay(1)"),
    Mutant("B8", "numbers are given in the turn", s.failing(s.raising, raises=1), {"numbered": "in the turn"},
        "nothing failed, and a message was refused"),
    Mutant("B9", "rows are numbered afresh at reopen", _one_dies(s.orders), {"next_number": "afresh"},
        "pay(0) is taken a second time"),
    Mutant("B10", "two lanes, one sequence", s.lanes, {"numbers": "per pair"},
        "nothing failed, and a message was refused"),
    Mutant("B10", "the same, where any rising number is taken", s.lanes, {"numbers": "per pair"},
        "letter(0) is new and dropped as a duplicate", also={"takes": "rising"}),
    Mutant("B11", "a timer in the mailbox is believed", s.timed, {"timer_is_hint": False},
        "remind(0) is applied twice"),
    Mutant("B11", "a retry in the mailbox is believed", s.failing(s.raising, raises=1), {"retry_is_hint": False},
        "reserve(0) is applied twice"),
    Mutant("B12", "a retry passes the inbox's check", s.failing(s.raising, raises=1), {"retry_numbered": True},
        "lost: reserve(0)"),
    Mutant("B13", "reopened beside the old connection", _one_dies(s.orders), {"reopens": "beside it"}, "lost: pay(1)"),
    Mutant("B14", "rows are believed after a failed fsync", s.failing(s.keys, partition=1, power=1),
        {"checkpoints_first": False}, "accepted and lost: place(0)"),
    Mutant("B15", "one file put back from an old copy", s.failing(s.orders, restore=1), {"pairs_checked": False},
        "pay(0) is applied twice"),
    Mutant("B20", "a new id for each ask chooses the partition", _one_dies(s.two_order_partitions),
        {"key_chooses_partition": False}, "applied by two partitions: place(0)"),
    Mutant("B21", "undone at once, and a retry leaves the line", s.failing(s.undone, raises=1), {"undo_waits": False},
        "cancelled, and its stock is still reserved"),
    Mutant("A1", "an opened receiver tells nobody where it stands", _one_dies(s.orders), {"handshake": False},
        "lost: pay(0)"),
    Mutant("A1", "a refused relay does not go back", replace(s.parcels, calm=False), {"goes_back": False},
        "lost: ship(0)", also={"fresh_waits": False}),
    Mutant("A1", "a read from disk is offered though the relay has moved", s.slowly(s.three, partition=1),
        {"stale_read": "offered"}, "lost: bill(0)"),
    Mutant("A1", "an acknowledgement inside a parcel deletes the parcel", s.parcel, {"deletes": "begun parcels"},
        "lost: ship(0)"),
    Mutant("A1", "a parcel handed over in part is handed over again from its start", s.parcel, {"resumes": "parcel"},
        "nothing failed, and a message was refused"),
    Mutant("A1", "an idle sender never deletes", s.orders, {"idle_flush": False}, "O's row"),
    Mutant("A2", "replies leave before the commit", _one_dies(s.keys), {"replies_wait": False},
        "accepted and lost: place(0)"),
    Mutant("A2", "room made in a mailbox wakes nobody", s.parcel, {"room_wakes": False}, "lost: ship(0)"),
    Mutant("A4", "the asks of a partition that died are not told", _one_dies(s.keys), {"asks_fail": False},
        "the client of place(0) waits for ever"),
    Mutant("A5", "the key is not kept with the turn", _one_dies(s.keys), {"key_kept": False},
        "place(0) is applied twice"),
    Mutant("A5", "a second ask of a batch does not see the first", s.failing(s.keys, again=1),
        {"key_seen_in_batch": False}, "place(0) is applied twice"),
    Mutant("A5", "a command that raised keeps its key", s.failing(s.keys, raises=1), {"error_kept": True},
        "accepted and lost: place(0)"),
    Mutant("A6", "deaths are not counted", s.deadly, {"death_counted": False}, "it goes round for ever"),
    Mutant("A6", "the slot still names a turn that is over", s.failing(s.orders, process=2), {"slot_cleared": False},
        "pay(0) did nothing wrong"),
    Mutant("A6", "a refused content is the death of the partition", s.too_big, {"refused_in_halves": False},
        "it goes round for ever"),
    Mutant("A6", "what a refused batch was to delete is forgotten", s.too_big, {"refused_keeps_deletes": False},
        "P's row 1 to 1 is never deleted"),
    Mutant("A7", "parking a message does not advance the inbox", s.failing(s.raising, raises=1, partition=1),
        {"parking_advances": False}, "nothing failed, and a message was refused"),
    Mutant("A8", "a replay is not marked", s.failing(s.replayed, raises=1), {"replay_marked": False},
        "pay(0) is applied twice"),
]  # fmt: skip

READ: dict[str, Any] = {"keyed": False, "look_up": True}
BLIND: dict[str, Any] = {"keyed": False}
EFFECT_MUTANTS = [
    EffectMutant("B16", "attempts exhausted is refused", Failures(lost=1), {"exhausted": "refused"},
        "called refused, and charged", attempts_max=1),
    EffectMutant("B16", "a replayed 500 is refused", Failures(errors=1), {"charged_500": "refused"},
        "called refused, and charged"),
    EffectMutant("B16", "400, another body is refused", Failures(process=1), {"other_body_400": "refused"},
        "called refused, and charged", also={"body_frozen": False}),
    EffectMutant("A3", "409 is refused", Failures(process=1), {"conflict_409": "refused"},
        "called refused, and charged"),
    EffectMutant("A3", "a new key after an unknown outcome", Failures(lost=1), {"key_kept": False}, "charged 2 times"),
    EffectMutant("B17", "a key's lifetime counts from the start of the process", Failures(process=1),
        {"lifetime_from": "start"}, "charged 2 times"),
    EffectMutant("B17", "a key is used to its last millisecond", Failures(lost=1), {"last_resend": "full"},
        "charged 2 times"),
    EffectMutant("B17", "decided before a wait for the breaker or a place", Failures(), {"decided": "at hand-over"},
        "charged 2 times"),
    EffectMutant("B17", "decided before a look-up, after which the call waits for a place", Failures(),
        {"decided": "before the look-up"}, "charged 2 times", look_up=True),
    EffectMutant("B18", "an empty look-up is believed at once", Failures(), {"settles": False},
        "charged 2 times", **READ),
    EffectMutant("B18", "an empty look-up made before the settling time is believed after it", Failures(),
        {"settled_when": "committed"}, "charged 2 times", **READ),
    EffectMutant("B18", "the settling time does not begin anew after a crash", Failures(process=1),
        {"settles_after_start": False}, "charged 2 times", **READ),
    EffectMutant("B19", "a partition dies alone and its call is forgotten", Failures(partition=1), {"adopted": False},
        "charged 2 times", **READ),
    EffectMutant("B19", "the same, called without a key or a mark", Failures(partition=1), {"adopted": False},
        "charged 2 times", also={"marked": "never"}, **BLIND),
    EffectMutant("A3", "the start of an attempt without a key is not committed", Failures(process=1),
        {"marked": "never"}, "charged 2 times", **BLIND),
    EffectMutant("A3", "marked before it waits for the breaker or a place", Failures(process=1),
        {"marked": "at hand-over"}, "parked, though nothing is uncertain", **BLIND),
    EffectMutant("A3", "what never reached the provider leaves its mark", Failures(unreached=1),
        {"mark_undone": False}, "parked, though nothing is uncertain", **BLIND),
    EffectMutant("A3", "what was throttled leaves its mark", Failures(throttles=1), {"mark_undone": False},
        "parked, though nothing is uncertain", **BLIND),
    EffectMutant("A3", "after a crash effects without a key count as taken, marked or not", Failures(process=1),
        {"taken": "all"}, "parked, though nothing is uncertain", **BLIND),
    EffectMutant("A3", "after a crash an effect with a key may be withdrawn", Failures(process=1, withdrawals=1),
        {"taken": "none"}, "called withdrawn, and charged"),
    EffectMutant("A3", "a clean stop makes forget what a crash left", Failures(process=1, stops=1, withdrawals=1),
        {"taken_lasts": False}, "called withdrawn, and charged"),
    EffectMutant("B17", "the same, and started late", Failures(process=1, stops=1), {"taken_lasts": False},
        "charged 2 times"),
    EffectMutant("A3", "withdrawn though the pool has it", Failures(withdrawals=1), {"withdrawal_asks_pool": False},
        "called withdrawn, and charged"),
    EffectMutant("A19", "marked clean with a call under way, then withdrawn", Failures(stops=1, withdrawals=1),
        {"stop_waits": False}, "called withdrawn, and charged"),
    EffectMutant("A19", "marked clean with a call under way, and started late", Failures(stops=1),
        {"stop_waits": False}, "charged 2 times"),
]  # fmt: skip

EVERY: tuple[Mutant | EffectMutant, ...] = (*MUTANTS, *EFFECT_MUTANTS)
