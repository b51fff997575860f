"""The customers' phones: a channel in the shop's process, whose network has a list of its own of what arrived.

The list is a file that outlives the shop. The network is sometimes out of reach, and loses answers after a message has
arrived; it takes no key, so an attempt that is repeated then arrives twice.
"""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

from sagamore import Call, Capabilities, Channel, NotReached, Outcome, Outgoing, Unknown, sent

LATENCY_S = 0.02
AWAY_SHARE, LOST_SHARE = 0.01, 0.01


class Phones(Channel, name="sms", parts=("text",)):
    """`arrived` is the list's file. Told what to do wrong by the delivery and the attempt alone."""

    capabilities = Capabilities(takes_key=False, in_flight_max=64)

    def __init__(self, arrived: Path) -> None:
        self._arrived = os.open(arrived, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """One attempt."""
        chance = random.Random(f"{outgoing.delivery} {call.attempt}").random()
        await asyncio.sleep(LATENCY_S)
        if chance < AWAY_SHARE:
            return NotReached("no network")
        os.write(self._arrived, f"{outgoing.delivery}\n".encode())  # in one piece: SIGKILL leaves no half line
        if chance < AWAY_SHARE + LOST_SHARE:
            return Unknown("the answer was lost")
        return sent(f"sms-{call.attempt}")

    async def close(self) -> None:
        """Close the file."""
        os.close(self._arrived)


def read_arrived(arrived: Path) -> Counter[str]:
    """How often each delivery arrived."""
    return Counter(arrived.read_text().split()) if arrived.exists() else Counter()
