"""`python -m sagamore.twin --dir DIR`: the payment twin as a process.

Prints one line of JSON, {"port": …, "pid": …}, when it is ready; stops on SIGTERM or SIGINT. Exit status 0 after a
stop, 2 for an argument or a directory that will not do.
"""

import argparse
import asyncio
import ipaddress
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from sagamore.twin.errors import TwinError
from sagamore.twin.faults import HELP, FaultSettings
from sagamore.twin.server import LOOPBACK, serving
from sagamore.twin.twin import AUTHORISATION_TTL_S, KEY_TTL_S, Twin


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to stop; `argv` without the program's name."""
    parser = _Parser(
        "sagamore twin", description="A strict card provider on loopback, for tests.", epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--dir", type=Path, required=True, help="where its journal is; made if need be")
    parser.add_argument("--host", type=_loopback, default=LOOPBACK)
    parser.add_argument("--port", type=_port, default=0, help="0: any free port")
    parser.add_argument(
        "--faults", type=_faults, default=FaultSettings(), metavar="JSON", help="what goes wrong; see below"
    )
    parser.add_argument("--key-ttl-s", type=float, default=KEY_TTL_S)
    parser.add_argument("--authorisation-ttl-s", type=float, default=AUTHORISATION_TTL_S)
    parser.add_argument("--fsync", action="store_true", help="sync the journal before each answer")
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(_run(arguments))
    except (TwinError, OSError) as error:
        print(f"sagamore twin: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    twin = Twin(
        arguments.dir,
        arguments.faults,
        key_ttl_s=arguments.key_ttl_s,
        authorisation_ttl_s=arguments.authorisation_ttl_s,
        fsync=arguments.fsync,
    )
    try:
        async with serving(twin, arguments.host, arguments.port) as port:
            print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
            await stop.wait()
    finally:
        twin.close()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse in one line."""
        self.exit(2, f"{self.prog}: {message}\n")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port, 0 to 65535")
    return int(text)


def _loopback(host: str) -> str:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise argparse.ArgumentTypeError(
            f"{host} is not a loopback address such as {LOOPBACK}: the twin takes no password"
        )
    return host


def _faults(text: str) -> FaultSettings:
    try:
        return msgspec.json.decode(text, type=FaultSettings)
    except msgspec.DecodeError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
