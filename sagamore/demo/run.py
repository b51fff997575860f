"""The demo from its first process to its last fact.

customers order ── SIGKILL ── look at the files and the ledger ── start again ── customers order ── all ends
── clean stop ── compare the books, read a story, audit
"""

import asyncio
import json
import shlex
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sagamore.audit import audit
from sagamore.cli.reading import files_of
from sagamore.demo.accounts import read_accounts
from sagamore.demo.books import compare
from sagamore.demo.customers import Customers
from sagamore.demo.facts import Facts, Killed, Orders, Story, all_well
from sagamore.demo.kill import Kill, fates, look
from sagamore.demo.ledger import Ledger
from sagamore.demo.messages import all_told, compare_messages, read_notifications
from sagamore.demo.phones import read_arrived
from sagamore.demo.process import Process, running
from sagamore.demo.screen import Screen
from sagamore.demo.state import State
from sagamore.demo.tell import tell_kill
from sagamore.demo.wire import Opened, decode_reply
from sagamore.files import Files
from sagamore.story import read_story

ENDS_WITHIN_S = 45  # after the last order was placed; the slowest takes a few seconds
FAULTS = {
    "lost_answer": 0.04, "refuse": 0.03, "error_before": 0.01, "error_before_stored": False, "error_after": 0.01,
    "slow": 0.01, "slow_ms": 2_000, "latency_ms": 120,
}  # fmt: skip


class Provider(NamedTuple):
    """The provider's process."""

    pid: int
    url: str


class Demo:
    """One demo, in a directory of its own: `shop/`, `provider/`, what arrived on phones, and what the two
    processes complained of."""

    def __init__(self, directory: Path, seconds: float, seed: int, screen: Screen) -> None:
        self._directory, self._seconds, self._seed, self._screen = directory, seconds, seed, screen
        self._shop_directory, self._arrived = directory / "shop", directory / "arrived.log"
        self._state = State()
        self._customers = Customers(seed, self._state)

    async def run(self, program: str) -> Facts:
        """`program` is how the command line is called here. Raises SagamoreError."""
        async with self._provider() as provider, self._shown():
            self._screen.say(f"The payment provider is process {provider.pid}, at {provider.url}")
            ledger = Ledger(provider.url)
            kill = await self._first_life(provider.url, ledger)
            down_ms = await self._second_life(provider.url, kill)
            self._state.phase = "Comparing the books"
            return await self._facts(ledger, kill, down_ms, program)

    async def _first_life(self, url: str, ledger: Ledger) -> Kill:
        async with self._shop(url) as shop:
            async with self._customers.visiting(shop):
                self._screen.say(f"The shop is process {shop.pid}")
                await self._customers.stock_up(shop)
                self._state.phase = "Customers order"
                await self._customers.order(shop, self._seconds / 2)
                at_ms = time.time_ns() // 1_000_000
                await shop.kill()
            self._state.end_life()
            self._state.phase = "Killed"
            kill = await look(self._shop_directory, ledger, at_ms, self._customers.waiting)
            tell_kill(self._screen, kill, shop.pid)
            return kill

    async def _second_life(self, url: str, kill: Kill) -> int:
        async with self._shop(url) as shop:
            down_ms = time.time_ns() // 1_000_000 - kill.at_ms
            self._screen.say(f"  Started again on the same files: process {shop.pid}, {down_ms / 1000:.1f} s later.")
            async with self._customers.visiting(shop):
                self._state.phase = "Customers order again"
                await self._customers.order(shop, self._seconds / 2)
                self._state.phase = "The last orders come to their end"
                try:
                    async with asyncio.timeout(ENDS_WITHIN_S):
                        await self._customers.all_ended(shop)
                        await self._customers.all_told(shop, partial(all_told, self._shop_directory))
                except TimeoutError:
                    self._screen.say(
                        f"{self._customers.unended:,} orders, or a message, are not at their end after"
                        f" {ENDS_WITHIN_S} s."
                    )
                self._state.phase = "The shop stops"
                await shop.stop()
        self._state.end_life()
        return down_ms

    async def _facts(self, ledger: Ledger, kill: Kill, down_ms: int, program: str) -> Facts:
        ours, theirs = await read_accounts(self._shop_directory), await ledger.accounts()
        books = compare(ours, theirs, await ledger.violations(), self._customers)
        told = await read_notifications(self._shop_directory)
        messages = compare_messages(ours, told, read_arrived(self._arrived))
        became, refunds_became = fates(kill.charges, ours, theirs), fates(kill.refunds, ours, theirs)
        statuses = Counter(account.status for account in ours.values())
        cancelled = Counter(account.reason for account in ours.values() if account.status == "CANCELLED")
        async with files_of(self._shop_directory) as files:
            laws = tuple(await audit(files))
            confirmed = {order for order, account in ours.items() if account.status == "CONFIRMED"}
            order = next((order for order in kill.lived if order in confirmed), None)
            story = None if order is None else await _story(files, order, kill.at_ms)
        return Facts(
            all_well(books, messages, laws, became + refunds_became), str(self._directory), self._seed,
            Orders(statuses.total(), statuses["CONFIRMED"], dict(cancelled), self._state.sold_out),
            Killed(len(kill.charges), kill.uncertain, len(kill.refunds), became, refunds_became, down_ms),
            await ledger.faults(), books, messages, story, laws, _commands(program, self._shop_directory, story),
        )  # fmt: skip

    @asynccontextmanager
    async def _provider(self) -> AsyncIterator[Provider]:
        faults = json.dumps(FAULTS | {"seed": self._seed})
        arguments = ("--dir", str(self._directory / "provider"), "--faults", faults)
        async with running(
            "provider", self._directory / "provider.log", "sagamore.demo.provider", *arguments
        ) as provider:
            port = json.loads(await provider.first_line())["port"]
            yield Provider(provider.pid, f"http://127.0.0.1:{port}")
            await provider.stop()

    @asynccontextmanager
    async def _shop(self, url: str) -> AsyncIterator[Process]:
        """Once it is open."""
        arguments = (str(self._shop_directory), url, str(self._arrived))
        async with running("shop", self._directory / "shop.log", "sagamore.demo.shop", *arguments) as shop:
            opened = decode_reply(await shop.first_line())
            assert isinstance(opened, Opened)
            yield shop

    @asynccontextmanager
    async def _shown(self) -> AsyncIterator[None]:
        showing = asyncio.create_task(self._screen.show(self._state))
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)


async def _story(files: Files, order: str, killed_ms: int) -> Story:
    """With the kill in its place."""
    lines: list[str] = []
    killed = False
    async for line in read_story(files, order):
        if not killed and line.at.timestamp() * 1000 >= killed_ms:
            lines.append("-- here the shop was killed and started again --")
            killed = True
        if line.notes:  # the others say only how a message went
            lines.append(str(line))
    return Story(order, tuple(lines))


def _commands(program: str, directory: Path, story: Story | None) -> tuple[str, ...]:
    first = f"trace {story.order}" if story is not None else "health"
    return tuple(
        f"{program} {command} --dir {shlex.quote(str(directory))}"
        for command in (first, "orders list --status CANCELLED", "stock show LAMP")
    )
