"""`sagamore demo`: the main job, to watch; exit status 1 if books or audit disagree."""

import asyncio
import shlex
import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from sagamore.cli.output import say_json
from sagamore.cli.parser import Subparsers, between, path
from sagamore.cli.run import run
from sagamore.cli.streams import redraws
from sagamore.demo.run import Demo
from sagamore.demo.screen import Plain, Screen, Silence
from sagamore.demo.tell import tell
from sagamore.engine.errors import InvalidInput

SECONDS, SECONDS_MIN, SECONDS_MAX = 45.0, 1.0, 600.0  # with start, end and audit it is about a minute


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    about = "the main job, to watch: orders, a SIGKILL in the middle, and the books held against the provider's"
    parser = subparsers.add_parser("demo", help=about, description=about)
    parser.add_argument(
        "--dir", type=path, metavar="DIR", help="an empty or new directory; by default a temporary one, which is kept"
    )
    parser.add_argument(
        "--seconds", type=between(SECONDS_MIN, SECONDS_MAX, float), default=SECONDS, metavar="S",
        help=f"so long customers order, {SECONDS_MIN:g} to {SECONDS_MAX:g}; by default {SECONDS:g}",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of what customers order and the provider does wrong")
    parser.add_argument("--json", action="store_true", help="JSON: one object, at the end")
    parser.set_defaults(run=lambda args: run(_demo(args)))


async def _demo(args: Namespace) -> int:
    directory = _directory(args.dir)
    screen = _screen(args.json)
    _introduce(screen, args.seconds, directory)
    try:
        facts = await Demo(directory, args.seconds, args.seed, screen).run(_program())
    except asyncio.CancelledError:
        screen.say()
        screen.say("Stopped before its end: all processes of the demo have ended.")
        raise
    if args.json:
        say_json(facts)
    else:
        tell(screen, facts)
    return int(not facts.ok)


def _introduce(screen: Screen, seconds: float, directory: Path) -> None:
    screen.say(
        f"For {seconds:g} seconds customers order from a shop in a process of its own, which is paid through a"
        " provider that refuses cards, fails, is slow, and loses answers after it has taken the money."
    )
    screen.say(
        "Half-way the shop is killed with SIGKILL and started again; at the end its books are held against the"
        " provider's, order by order."
    )
    screen.say()
    screen.say(f"Everything is kept in {directory}")


def _directory(named: Path | None) -> Path:
    if named is None:
        return Path(tempfile.mkdtemp(prefix="sagamore-demo-"))
    named.mkdir(parents=True, exist_ok=True)
    if any(named.iterdir()):
        raise InvalidInput("--dir", str(named), "an empty directory, or one that is not there yet")
    return named.absolute()


def _screen(as_json: bool) -> Screen:
    if as_json:
        return Silence()
    if redraws(sys.stdout):
        try:
            from sagamore.demo.panel import Terminal
        except ImportError:
            pass  # rich is not installed
        else:
            return Terminal()
    return Plain()


def _program() -> str:
    """How the command line was called, so that what is shown can be pasted."""
    called = sys.argv[0]
    if Path(called).name != "sagamore":
        return f"{shlex.quote(sys.executable)} -m sagamore"
    return "sagamore" if shutil.which("sagamore") == str(Path(called).absolute()) else shlex.quote(called)
