"""A provider that answers by a script, and keeps a ledger of its own by which a test judges the engine.

The ledger counts what was *done* under each key, whatever the engine heard of it. With `takes_key` a key is done once
and its answer kept, as strict providers do; without, every call that gets through is done again.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from sagamore.engine.effect import Call, Capabilities, Declined, Outcome, Succeeded
from sagamore.engine.ports import Clock

DONE = Succeeded("{}")


class Lost(msgspec.Struct, frozen=True):
    """It is done, and the answer is lost: the call raises."""

    outcome: Outcome = DONE


class Hangs(msgspec.Struct, frozen=True):
    """Nothing is heard until `release`, which does it, whether anyone still waits or not."""

    outcome: Outcome = DONE


class Raises(msgspec.Struct, frozen=True):
    """Nothing is done, and the call raises."""

    error: Exception


Step = Outcome | Lost | Hangs | Raises
Script = Sequence[Step] | Callable[[Call], Step]


class ScriptedProvider:
    """`script` is a list, one step a call and `Succeeded` when it is used up, or a function of the call."""

    def __init__(
        self,
        name: str,
        capabilities: Capabilities | None = None,
        script: Script = (),
        *,
        look_up_script: Sequence[Outcome | Raises | None] = (),
        clock: Clock | None = None,
    ) -> None:
        """`look_up_script`: what the first look-ups are told; afterwards the truth of the ledger."""
        self.name = name
        self.capabilities = capabilities or Capabilities(takes_key=True)
        self.calls: list[Call] = []
        self.arrivals_ms: list[int] = []
        """When each call arrived, by `clock`."""
        self.look_ups: list[Call] = []
        self.ledger: dict[str, int] = {}
        """Per key how often it was done; refusals are not done."""
        self.script: list[Step] | Callable[[Call], Step] = script if callable(script) else list(script)
        self._look_up_script = list(look_up_script)
        self._answers: dict[str, Outcome] = {}
        self._hanging: list[tuple[Call, Outcome, asyncio.Future[Outcome]]] = []
        self._clock = clock

    @property
    def hanging(self) -> int:
        """Calls that wait for `release`."""
        return len(self._hanging)

    async def call(self, call: Call) -> Outcome:
        """Take the next step of the script."""
        self.calls.append(call)
        if self._clock is not None:
            self.arrivals_ms.append(self._clock.now_ms())
        match self._next(call):
            case Lost(outcome):
                self._do(call, outcome)
                raise ConnectionResetError("scripted: the answer is lost")
            case Hangs(outcome):
                answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
                self._hanging.append((call, outcome, answer))
                return await answer
            case Raises(error):
                raise error
            case outcome:
                return self._do(call, outcome)

    async def look_up(self, call: Call) -> Outcome | None:
        """What became of the key."""
        self.look_ups.append(call)
        if self._look_up_script:
            scripted = self._look_up_script.pop(0)
            if isinstance(scripted, Raises):
                raise scripted.error
            return scripted
        return self._answers.get(call.key)

    def release(self, most: int | None = None) -> None:
        """Do what hangs, all or so many of the oldest."""
        hanging = self._hanging[:most]
        self._hanging = self._hanging[len(hanging) :]
        for call, outcome, answer in hanging:
            result = self._do(call, outcome)
            if not answer.done():
                answer.set_result(result)

    def _next(self, call: Call) -> Step:
        if callable(self.script):
            return self.script(call)
        return self.script.pop(0) if self.script else DONE

    def _do(self, call: Call, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Succeeded | Declined):
            return outcome
        if self.capabilities.takes_key and call.key in self._answers:
            return self._answers[call.key]
        self._answers[call.key] = outcome
        if isinstance(outcome, Succeeded):
            self.ledger[call.key] = self.ledger.get(call.key, 0) + 1
        return outcome
