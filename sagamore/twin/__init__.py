"""The payment twin: a strict card provider in a process of its own, and the judge in crash tests.

It shares no code with the rest of Sagamore, so that a mistake there cannot hide itself here. The interface is
described in `server.py`.
"""

from sagamore.twin.faults import FaultSettings
from sagamore.twin.server import running_twin

__all__ = ["FaultSettings", "running_twin"]
