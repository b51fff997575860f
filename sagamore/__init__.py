"""Sagamore: an order management system that a Python program embeds, on a durable actor engine.

One process, asyncio, one SQLite file per actor; not one accepted order lost or charged twice, whatever dies and
whenever.

The names of `sagamore.names` are those of this package, loaded when the first is asked for: the command line has to
load the package before itself, and must be able to answer Ctrl-C by then.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagamore.names import *  # noqa: F403

    __version__: str
    """Of the package as it is installed."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version(__name__)
    names = import_module("sagamore.names")
    if name == "__all__" or name in names.__all__:
        return getattr(names, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module("sagamore.names").__all__})
