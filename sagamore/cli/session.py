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
from sagamore.storage.lock import owner_pid
from sagamore.storage.manifest import read_manifest

ANSWER_BYTES_MAX = 1 << 24  # the largest order is a hundredth of it
SILENCE_S_MAX = 10  # the owner says every 2 s that it lives, however long an operation takes it
CONNECT_EVERY_S = 0.1
WAIT_S = 10.0  # a saga takes milliseconds, a slow provider seconds; what then still runs goes on while the shop runs


class RemoteError(SagamoreError):
    """What the owner answered instead."""

    def __init__(self, view: ErrorView) -> None:
        super().__init__(view.message)
        self.view = view


class AnswerLost(SagamoreError):
    """The owner went away, or fell silent, before it answered; `cause` says which, `then` what the client does."""

    code = "answer_lost"

    def __init__(self, cause: str, then: str = "") -> None:
        super().__init__(cause + then)
        self.cause = cause


class Silent(AnswerLost):
    """The owner is there, and its event loop hangs, or the process is stopped."""

    code = "silent"

    def __init__(self, pid: int | None, then: str = "") -> None:
        self.pid, self.process = pid, "another process" if pid is None else f"process {pid}"
        super().__init__(f"{self.process} runs this shop and does not answer", then)


class Session(Protocol):
    """Does operations."""

    async def ask(self, operation: Operation) -> Any:
        """The operation's answer, a view. Raises SagamoreError."""
        ...


class Remote:
    """A connection to the owner; one operation at a time, others queue. Every method raises AnswerLost."""

    def __init__(
        self, directory: Path, silence_s: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:  # fmt: skip
        self._directory, self._silence_s = directory, silence_s
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    async def be_greeted(self) -> None:
        """Wait for the first line. Raises RemoteError if it is no greeting."""
        await self._hear()

    async def ask(self, operation: Operation) -> Any:
        """Through the socket."""
        request = encode(operation) + b"\n"
        key = getattr(operation, "idempotency_key", None)
        again = f"; whether it was done is not known, with --key {key} it is done once" if key else ""
        async with self._turn:
            self._writer.write(request)
            while "answer" not in (reply := await self._hear(again)):
                pass  # it lives
        return msgspec.json.decode(reply["answer"], type=operation.answer)

    async def _hear(self, then: str = "") -> dict[str, msgspec.Raw]:
        """The next line. Silence is counted in seconds that this process ran: one that was stopped, as by Ctrl-Z, finds
        what was said in the meantime."""
        for _ in range(self._silence_s):
            try:
                async with asyncio.timeout(1):
                    line = await self._reader.readline()
                break
            except TimeoutError:
                pass
            except ConnectionError:
                line = b""
                break
        else:
            raise Silent(owner_pid(self._directory), then)
        if not line.endswith(b"\n"):
            raise AnswerLost("the process that runs the shop ended", f" before it answered{then}")
        reply = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        if "error" in reply:
            raise RemoteError(msgspec.json.decode(reply["error"], type=ErrorView))
        return reply

    async def close(self) -> None:
        """Hang up; what a silent owner has not read is not waited for."""
        self._writer.transport.abort()
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
        stack.push_async_callback(first.close)
        remotes: list[Session] = [first]
        while len(remotes) < connections:
            try:
                remote = await connect(args.dir)
            except RemoteError:  # the owner has no room for one more
                break
            if remote is None:
                break
            stack.push_async_callback(remote.close)
            remotes.append(remote)
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


async def connect(directory: Path, silence_s: int = SILENCE_S_MAX) -> Remote | None:
    """A connection to the owner, who has answered it; None if nobody listens. It is given up when the owner is silent
    for `silence_s`. Raises AnswerLost, RemoteError."""
    client = await _connected(directory, silence_s) if (directory / CONTROL_NAME).exists() else None
    if client is None:
        return None
    remote = Remote(directory, silence_s, *await asyncio.open_unix_connection(sock=client, limit=ANSWER_BYTES_MAX))
    try:
        await remote.be_greeted()
    except BaseException:
        await remote.close()
        raise
    return remote


async def _connected(directory: Path, silence_s: int) -> socket.socket | None:
    """Tried again while as many others wait to be accepted as may."""
    for _ in range(round(silence_s / CONNECT_EVERY_S)):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            with address_of_socket(directory) as address:
                client.connect(address)
        except BlockingIOError:
            client.close()
        except (ConnectionRefusedError, FileNotFoundError):
            client.close()
            return None
        except BaseException:
            client.close()
            raise
        else:
            return client
        await asyncio.sleep(CONNECT_EVERY_S)
    raise Silent(owner_pid(directory))
