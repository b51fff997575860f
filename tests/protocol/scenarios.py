"""Small worlds to explore, each with just what one group of rules is about.

O and Q keep orders, P does what they ask, D keeps dead letters. A failure that is in no budget does not happen.
"""

from dataclasses import replace

from tests.protocol.rules import Budget, Rules
from tests.protocol.state import DEAD, RETURNED, Handler, Log, Message, Scenario

Intent = tuple[str, ...]
ONE = (("O", "place", 0),)
TWO = (*ONE, ("O", "place", 1))


def turns(**table: tuple[Intent, ...]) -> Handler:
    """A handler that does the same whatever came before."""
    return lambda rules, partition, log, message: table.get(message[0], ())


def failing(scenario: Scenario, **budget: int) -> Scenario:
    """The same world with failures."""
    return replace(scenario, budget=Budget(**budget))


def slowly(scenario: Scenario, **budget: int) -> Scenario:
    """The same, with a relay that reads its disk slowly."""
    return replace(failing(scenario, **budget), slow_reads=True)


def _undo(rules: Rules, partition: int, log: Log, message: Message) -> tuple[Intent, ...] | None:
    """A cancelled order gives its stock back: once it knows that it has it."""
    kind, order = message
    release = (("send", "P", "release"),)
    if kind == "place":
        return (("send", "P", "reserve"),)
    if kind == "cancel":
        return release if not rules.undo_waits or ("reserved", order) in log else ()
    if kind == "reserve":
        return (("send", "O", "reserved"),)
    return release if kind == "reserved" and rules.undo_waits and ("cancel", order) in log else ()


def _leaked(logs: tuple[Log, ...]) -> str:
    stock = [kind for kind, _ in logs[1]]
    held = stock.count("reserve") and (not stock.count("release") or stock.index("release") < stock.index("reserve"))
    return "cancelled, and its stock is still reserved" if held and ("cancel", 0) in logs[0] else ""


def _replays(rules: Rules, partition: int, log: Log, message: Message) -> tuple[Intent, ...] | None:
    """A dead letter is sent again to where it came from, once."""
    kind, _ = message
    if kind.startswith("replay"):
        replays, returns = (sum(other.startswith(what) for other, _ in log) for what in ("replay", RETURNED))
        if (DEAD + "pay", 0) not in log or (rules.replay_marked and replays > returns):
            return None
        return (("send", "P", "pay"),)
    return (("send", "P", "pay"),) if kind == "place" else ()


_answered = turns(place=(("send", "P", "pay"),), pay=(("send", "O", "paid"),))

orders = Scenario("OP", TWO, turns(place=(("send", "P", "pay"),)))
answered = Scenario("OP", ONE, _answered)
noted = Scenario(
    "OP", ONE,
    turns(place=(("send", "P", "pay"), ("send", "P", "ship"), ("send", "O", "note"), ("send", "O", "remark"))),
)  # fmt: skip
parcel = Scenario("OP", ONE, turns(place=(("send", "P", "pay"), ("send", "P", "ship"))))
parcels = replace(parcel, asks=TWO)
three = replace(parcel, handle=turns(place=(("send", "P", "pay"), ("send", "P", "ship"), ("send", "P", "bill"))))
lanes = Scenario("OP", ONE, turns(place=(("send", "P", "letter", "1"), ("send", "P", "pay", "0"))), lanes=2)
keys = Scenario("O", ONE, turns(), raising=("place",))
two_order_partitions = Scenario("OQ", ONE, turns())
raising = Scenario(
    "OPD", ONE, turns(place=(("send", "P", "reserve"), ("send", "P", "pay")), reserve=(("send", "O", "reserved"),)),
    raising=("reserve",),
)  # fmt: skip
timed = Scenario("OP", ONE, turns(place=(("timer", "remind"), ("send", "P", "pay")), pay=(("send", "O", "paid"),),
    paid=(("cancel", "remind"),)))  # fmt: skip
deadly = Scenario("OPD", ONE, turns(place=(("send", "P", "crash"), ("send", "P", "pay"))), deadly=("crash",),
    calm=False)  # fmt: skip
too_big = Scenario(
    "OPD", ONE, turns(place=(("send", "P", "ship"), ("send", "P", "big")), ship=(("send", "O", "shipped"),)),
    refused=("big",), capacity=2,
)  # fmt: skip
replayed = Scenario(
    "OPD", (*ONE, ("D", "replay", 0), ("D", "replay too", 0)), _replays, raising=("pay",), attempts_max=1
)  # fmt: skip
undone = Scenario("OPD", (*ONE, ("O", "cancel", 0)), _undo, raising=("reserve",), judge=_leaked)
