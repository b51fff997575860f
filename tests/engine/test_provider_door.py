"""A provider is somebody else's code: whatever it answers or raises, its effect is resolved and its partition lives."""

import asyncio
from typing import Any

import pytest

from sagamore.engine.effect import Capabilities, Declined, NotReached, Succeeded, Throttled, Unknown
from sagamore.engine.testing import Raises, ScriptedProvider
from tests.engine.actors import Pay, Till
from tests.engine.test_effects import ended
from tests.engine.world import World

KEYED, KEYLESS = Capabilities(takes_key=True), Capabilities(takes_key=False)


async def heard_from(world: World, provider: ScriptedProvider) -> tuple[str, ...]:
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    heard = (await ended(world)).heard
    assert world.engine.statistics().partitions["till/0"].restarts == 0
    return heard


@pytest.mark.parametrize("capabilities", [KEYED, KEYLESS], ids=["keyed", "keyless"])
@pytest.mark.parametrize("answer", [None, "ok", 7, Throttled(-1), Throttled("2")])  # type: ignore[arg-type]
async def test_what_is_no_outcome_is_unknown(world: World, capabilities: Capabilities, answer: Any) -> None:
    provider = ScriptedProvider("bank", capabilities, [answer])
    heard = await heard_from(world, provider)
    assert heard == (("0 unknown", "0 succeeded") if capabilities.takes_key else ("0 unknown", "0 parked"))
    assert provider.ledger == ({"k": 1} if capabilities.takes_key else {})


@pytest.mark.parametrize("answer", ["\0", "\ud800", {"id": 1}], ids=["U+0000", "surrogate", "no text"])
@pytest.mark.parametrize("type_", [Succeeded, Declined])
async def test_an_answer_that_cannot_be_stored_is_never_a_verdict(world: World, type_: Any, answer: Any) -> None:
    provider = ScriptedProvider("bank", KEYED, [type_(answer)])  # replayed for each attempt, as strict providers do
    assert await heard_from(world, provider) == ("0 unknown", "0 parked")
    assert len(provider.calls) == 4


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["U+0000", "surrogate"])
@pytest.mark.parametrize("step", [Unknown, lambda text: Raises(ValueError(text))], ids=["unknown", "raises"])
async def test_a_reason_that_cannot_be_stored_is_kept_as_far_as_it_can_be(world: World, step: Any, text: str) -> None:
    provider = ScriptedProvider("bank", KEYLESS, [step(f"no {text} route")])
    assert await heard_from(world, provider) == ("0 unknown", "0 parked")
    (letter,) = await world.letters()
    assert " route" in letter.attempts[0].error


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["U+0000", "surrogate"])
async def test_not_reached_is_safe_whatever_the_reason(world: World, text: str) -> None:
    provider = ScriptedProvider("bank", KEYLESS, [NotReached(text)])
    assert await heard_from(world, provider) == ("0 succeeded",)


async def test_parts_of_a_millisecond_are_waited_for(world: World) -> None:
    provider = ScriptedProvider("bank", KEYED, [Throttled(500.5)], clock=world.clock)  # type: ignore[arg-type]
    assert await heard_from(world, provider) == ("0 succeeded",)
    first, second = provider.arrivals_ms
    assert second - first >= 501


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3), Mute()], ids=repr)
async def test_whatever_is_raised_is_unknown(world: World, error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.raiseExceptions", False)  # the log cannot say what a mute error is either
    provider = ScriptedProvider("bank", KEYED, [Raises(error)])
    assert await heard_from(world, provider) == ("0 unknown", "0 succeeded")
