"""Which worlds are explored: those of every test run, and the larger ones of `python -m tests.protocol --deep`."""

from dataclasses import replace
from itertools import product
from typing import Any

from tests.protocol import scenarios as s
from tests.protocol.effect_model import Charge
from tests.protocol.effect_state import Failures
from tests.protocol.explore import Model
from tests.protocol.model import Protocol

PROTOCOL = {
    "two orders; a partition dies twice": s.failing(s.orders, partition=2),
    "two orders; a partition and the process die": s.failing(s.orders, partition=1, process=1),
    "an order and its answer; two partitions and the process die": s.failing(s.answered, partition=2, process=1),
    "an order and its answer; a failed fsync, then a power cut": s.failing(s.answered, partition=1, power=1),
    "an order and its answer; an old copy, and a partition dies": s.failing(s.answered, restore=1, partition=1),
    "two orders; an old copy": s.failing(s.orders, restore=1),
    "messages to oneself; a partition dies": s.slowly(s.noted, partition=1),
    "a parcel of two; two partitions and the process die": s.slowly(s.parcel, partition=2, process=1),
    "a parcel of three; a partition dies twice": s.slowly(s.three, partition=2),
    "two parcels of two; a partition dies": s.slowly(s.parcels, partition=1),
    "two parcels of two, room for two; a partition dies twice": s.failing(replace(s.parcels, capacity=2), partition=2),
    "two lanes; a partition dies twice": s.slowly(s.lanes, partition=2),
    "client keys; everything": s.failing(s.keys, partition=2, process=1, raises=1, again=1),
    "client keys; a failed fsync, then a power cut": s.failing(s.keys, partition=1, power=1),
    "two order partitions; both die": s.failing(s.two_order_partitions, partition=2, again=1),
    "turns raise twice; a partition dies": s.failing(s.raising, raises=2, partition=1),
    "a timer; a partition dies twice": s.failing(s.timed, partition=2),
    "a deadly message; a partition and the process die": s.failing(s.deadly, partition=1, process=1),
    "a refused content; a partition dies": s.failing(s.too_big, partition=1),
    "a dead letter replayed twice; it fails twice, a partition dies": s.failing(s.replayed, raises=2, partition=1),
    "cancelled at once; the reservation raises twice, a partition dies": s.failing(s.undone, raises=2, partition=1),
}
PROTOCOL_DEEP = {
    "two orders; everything dies": s.failing(s.orders, partition=2, process=2),
    "two parcels of two; everything dies": s.slowly(s.parcels, partition=2, process=1),
    "two parcels of three; a partition dies twice": s.slowly(replace(s.three, asks=s.TWO), partition=2),
    "messages to oneself; everything dies": s.slowly(s.noted, partition=2, process=1),
    "two lanes, two orders; everything dies": s.slowly(replace(s.lanes, asks=s.TWO), partition=1, process=1),
    "two orders and their answers; two partitions die": s.failing(replace(s.answered, asks=s.TWO), partition=2),
    "turns raise twice; everything dies": s.failing(s.raising, raises=2, partition=2, process=1),
    "two orders, turns raise twice": s.failing(replace(s.raising, asks=s.TWO), raises=2, partition=1),
    "a deadly message between others; a partition dies": s.failing(replace(s.deadly, asks=s.TWO), partition=1),
    "a refused content; everything dies": s.failing(s.too_big, partition=2, process=1),
    "a timer; everything dies": s.failing(s.timed, partition=2, process=2),
    "dead letters; everything dies": s.failing(s.replayed, raises=2, partition=1, process=1),
    "two old copies": s.failing(replace(s.answered, asks=s.TWO), restore=2),
}

PROVIDERS = {
    "takes a key": {"keyed": True, "look_up": False},
    "takes a key, can be read": {"keyed": True, "look_up": True},
    "can be read": {"keyed": False, "look_up": True},
    "neither": {"keyed": False, "look_up": False},
}
FAILURES = {
    "answers": Failures(lost=1, errors=1, refusals=1),
    "deaths": Failures(process=1, partition=1),
    "a crash and a withdrawal": Failures(process=1, withdrawals=1),
    "a partition and a withdrawal": Failures(partition=1, withdrawals=1, lost=1),
    "a crash, a stop, a withdrawal": Failures(process=1, stops=1, withdrawals=1),
    "not reached, throttled, stopped": Failures(unreached=1, throttles=1, stops=1),
}
FAILURES_DEEP = {
    "two crashes and a lost answer": Failures(process=2, lost=1),
    "a crash after anything": Failures(process=1, lost=1, errors=1, refusals=1),
    "a crash, not reached, throttled": Failures(process=1, unreached=1, throttles=1),
    "a crash, a partition, a stop, a withdrawal": Failures(process=1, partition=1, stops=1, withdrawals=1),
    "a partition and the process, a lost answer": Failures(process=1, partition=1, lost=1),
}


def models(*, deep: bool = False) -> dict[str, Model[Any]]:
    """By name, what must hold."""
    effects = {
        f"a provider that {provider}: {failures}": Charge(budget, keyed=what["keyed"], look_up=what["look_up"])
        for (provider, what), (failures, budget) in product(
            PROVIDERS.items(), (FAILURES_DEEP if deep else FAILURES).items()
        )
    }
    protocol = {name: Protocol(scenario) for name, scenario in (PROTOCOL_DEEP if deep else PROTOCOL).items()}
    return {**protocol, **effects}
