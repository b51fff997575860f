"""Who does a command: the owner of the directory, through its control socket, or this process as the owner."""

import asyncio
import socket
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from sagamore.app import Sagamore
from sagamore.cli.compose import open_shop
from sagamore.cli.output import show
from sagamore.cli.run import run
from sagamore.control import CONTROL_NAME, ErrorView, address_of_socket
from sagamore.engine.errors import NotADirectoryOfOurs, SagamoreError
from sagamore.engine.message import encode
from sagamore.operation import Operation
from sagamore.storage.manifest import read_manifest

ANSWER_BYTES_MAX = 1 << 24  # the largest order is a hundredth of it
CONNECT_TIMEOUT_S = 5
WAIT_S = 10.0  # a saga takes milliseconds, a slow provider seconds; what then still runs goes on while the shop runs


class RemoteError(SagamoreError):
    """What the owner answered instead."""

    def __init__(self, view: ErrorView) -> None:
        super().__init__(view.message)
        self.view = view


class AnswerLost(SagamoreError):
    """The owner went away before it answered."""

    code = "answer_lost"


class Session(Protocol):
    """Does operations."""

    async def ask(self, operation: Operation) -> Any:
        """The operation's answer, a view. Raises SagamoreError."""
        ...


class Remote:
    """A connection to the owner; one operation at a time, others queue."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    async def ask(self, operation: Operation) -> Any:
        """Through the socket."""
        request = encode(operation) + b"\n"
        async with self._turn:
            try:
                self._writer.write(request)
                line = await self._reader.readline()
            except ConnectionError:
                line = b""
        if not line.endswith(b"\n"):
            key = getattr(operation, "idempotency_key", None)
            again = f"; whether it was done is not known, with --key {key} it is done once" if key else ""
            raise AnswerLost(f"the process that runs the shop ended before it answered{again}")
        reply = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        if "error" in reply:
            raise RemoteError(msgspec.json.decode(reply["error"], type=ErrorView))
        return msgspec.json.decode(reply["answer"], type=operation.answer)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            pass  # the other end was faster


class Own:
    """This process owns the directory. `settles`: it pays, so that what is begun here comes to rest if it is waited
    for."""

    def __init__(self, shop: Sagamore, settles: bool) -> None:
        self._shop, self.settles = shop, settles

    async def ask(self, operation: Operation) -> Any:
        """At the doors."""
        return await operation.run(self._shop)


@asynccontextmanager
async def session(args: Namespace, *, creates: bool = False, connections: int = 1) -> AsyncIterator[list[Session]]:
    """Sessions that may be used at once, at most so many. `creates`: the directory may be new. Raises DirectoryError,
    InvalidInput, UsageError."""
    if not creates and read_manifest(args.dir) is None:
        raise NotADirectoryOfOurs(f"{args.dir} is no data directory of Sagamore; name one with --dir")
    async with AsyncExitStack() as stack:
        first = await connect(args.dir)
        if first is None:
            shop = await stack.enter_async_context(open_shop(args))
            own = Own(shop, settles=bool(args.payments or args.app))
            yield [own] * connections
            return
        remotes: list[Session] = []
        remote: Remote | None = first
        while remote is not None:
            stack.push_async_callback(remote.close)
            remotes.append(remote)
            remote = await connect(args.dir) if len(remotes) < connections else None
        yield remotes


def composes(args: Namespace) -> bool:
    """Whether this process has channels, should it open the shop."""
    return args.channels is not None or args.app is not None


def do(
    args: Namespace, operation: Operation, *, creates: bool = False, remote_wait_s: float = 0, settles: bool = False
) -> Any:
    """Have it done, wait as `--wait` says, and show the answer, which is returned too. `remote_wait_s`: how long by
    default if another process runs the shop; `settles`: if this one does, it has whatever is waited for."""

    async def ask() -> Any:
        async with session(args, creates=creates) as (doer,):
            if "wait" not in args:
                return await doer.ask(operation)
            seconds = args.wait
            if seconds is None:
                seconds = (WAIT_S if doer.settles or settles else 0) if isinstance(doer, Own) else remote_wait_s
            return await doer.ask(replace(operation, wait_ms=int(seconds * 1000)))

    answer = run(ask())
    show(answer, args.json)
    return answer


async def connect(directory: Path) -> Remote | None:
    """A connection to the owner; None if nobody listens."""
    if not (directory / CONTROL_NAME).exists():
        return None
    client = socket.socket(socket.AF_UNIX)
    try:
        client.settimeout(CONNECT_TIMEOUT_S)
        with address_of_socket(directory) as address:
            client.connect(address)
        client.setblocking(False)
    except (ConnectionRefusedError, FileNotFoundError):
        client.close()
        return None
    except BaseException:
        client.close()
        raise
    return Remote(*await asyncio.open_unix_connection(sock=client, limit=ANSWER_BYTES_MAX))
