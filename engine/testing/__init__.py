"""The kit for testing actors: take one turn without an event loop, move time by hand, script providers, break journals.

turns.py       `run_turn`: one message, a table test
clock.py       `ManualClock`: time that moves when a test says so
journal.py     `FaultyStore`: any Store whose journals crash, fail, refuse or wait at the n-th commit
providers.py   `ScriptedProvider`: answers by a script, with a ledger of its own to be judged by
"""

from sagamore.engine.testing.clock import ManualClock
from sagamore.engine.testing.journal import Fault, Faults, FaultyJournal, FaultyStore, ProcessDied
from sagamore.engine.testing.providers import Hangs, Lost, Raises, ScriptedProvider
from sagamore.engine.testing.turns import NOON_MS, TurnResult, run_turn

__all__ = [
    "NOON_MS",
    "Fault",
    "Faults",
    "FaultyJournal",
    "FaultyStore",
    "Hangs",
    "Lost",
    "ManualClock",
    "ProcessDied",
    "Raises",
    "ScriptedProvider",
    "TurnResult",
    "run_turn",
]
