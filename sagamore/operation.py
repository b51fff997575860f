"""What is asked of an open shop from outside its process: a record that runs itself.

    {"operation": "orders.cancel", "orderId": "ord_…", "by": "ann"}

The command line makes these records and runs them: itself where it owns the directory, through the control socket where
another process does. Either way the same door checks them and the same view answers. Reading needs none: it goes to the
files.
"""

from typing import Any, ClassVar

import msgspec

from sagamore.shop import Shop
from sagamore.views import View


class Operation(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, tag_field="operation"):
    """A command; `answer` is the type of what `run` returns."""

    answer: ClassVar[type[Any]]

    async def run(self, shop: Shop) -> View:
        """Do it. Raises what the door raises."""
        raise NotImplementedError
