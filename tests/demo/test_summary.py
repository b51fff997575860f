"""The summary of a demo: what it counts is accounted for, under one name each."""

import asyncio
import re

import pytest

from sagamore.demo.accounts import OurAccount
from sagamore.demo.kill import Done, Kill, fates
from sagamore.demo.ledger import Account
from sagamore.demo.panel import Terminal
from sagamore.demo.screen import Plain, Silence
from sagamore.demo.state import State
from sagamore.demo.tell import tell_kill
from sagamore.demo.wire import Told

OURS = {
    "ord_paid": OurAccount("CONFIRMED", amount=500, captured=500),
    "ord_back": OurAccount("CANCELLED", "REQUESTED", amount=500, captured=500, refunded=500),
    "ord_twice": OurAccount("CANCELLED", "REQUESTED", amount=500, captured=500, refunded=500),
}
THEIRS = {
    "ord_paid": Account("GBP", 500, 0, 1),
    "ord_back": Account("GBP", 500, 500, 1),
    "ord_twice": Account("GBP", 500, 1_000, 1),
}
REFUNDS: dict[str, Done] = {"ord_back": "given the money back", "ord_twice": "not given it back yet"}
KILL = Kill(1, {"ord_paid": "taken the money"}, 1, REFUNDS, ())


class Lines(Silence):
    """What stays."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str = "") -> None:
        self.lines.append(line)


def test_refunds_without_an_answer_are_accounted_for_as_charges_are() -> None:
    screen = Lines()
    tell_kill(screen, KILL, 4711)
    assert screen.lines[1:] == [
        "  1 charge and 2 refunds without an answer (1 charge was being tried again after a lost answer).",
        "  The provider's ledger, asked now: for 1 it had taken the money, for 1 it had given the money back,"
        " for 1 it had not given it back yet.",
    ]
    (charged,) = fates(KILL.charges, OURS, THEIRS)
    back, twice = fates(KILL.refunds, OURS, THEIRS)
    assert (charged.became, charged.wrong) == ("charged once, order confirmed", False)
    refunded = "charged once and refunded, order cancelled (by the customer)"
    assert (back.provider_had, back.became, back.wrong) == ("given the money back", refunded, False)
    assert (twice.provider_had, twice.wrong) == ("not given it back yet", True)


async def test_what_is_suppressed_is_called_so_while_it_runs_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sagamore.demo.screen.PLAIN_EVERY_S", 0)
    monkeypatch.setattr("sagamore.demo.panel.REDRAWN_EVERY_S", 0)
    state = State()
    state.told = Told(sent=5, suppressed=3)
    for screen in (Plain(), Terminal()):
        showing = asyncio.create_task(screen.show(state))
        for _ in range(9):
            await asyncio.sleep(0)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        assert re.search("3 suppressed|suppressed +3", capsys.readouterr().out)
