"""Looks a name up and checks every address it leads to; the connection goes to what was checked, since nobody looks
the name up again in between. A name of which any address is not admitted is refused as a whole: whoever mixes public
and private ones is misled or misleads, and which of them is tried first must not decide.

Look-ups run on threads of their own: a name whose server is silent holds one for half a minute, and must not hold those
that the rest of the program shares.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from sagamore.actors.notifications.channels.networks import Networks

THREADS = 16
LOOK_UP_S = 10  # then it is not reached

LookUp = Callable[[str, int], list[tuple[Any, ...]]]


class AddressNotAllowed(Exception):
    """The name leads, perhaps among others, to an address that must not be called."""


def system_look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    """As the system does. Raises OSError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class CheckedResolver(AbstractResolver):
    """For one event loop."""

    def __init__(self, networks: Networks, look_up: LookUp = system_look_up) -> None:
        self._networks, self._look_up = networks, look_up
        self._threads = ThreadPoolExecutor(THREADS, "look-up")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises AddressNotAllowed, OSError, TimeoutError."""
        async with asyncio.timeout(LOOK_UP_S):
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._look_up, host, port)
        for *_, place in found:
            if not self._networks.admit(ip_address(place[0])):
                raise AddressNotAllowed(f"{host} leads to {place[0]}, which is not public")
        return [
            ResolveResult(
                hostname=host, host=place[0], port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for kind, _, proto, _, place in found
        ]  # fmt: skip

    async def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False)
