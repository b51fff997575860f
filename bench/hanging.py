"""How long an e-mail takes while push hangs, as a ratio to how long it takes alone: 99th percentiles.

Goal: that a provider that answers nothing leaves the others their speed. Two channels in the process, `email` of 5 ms
and `push`; beside, 2,000 deliveries of push were published, of which 64 hang in calls and the rest wait, and for each
ten e-mails another one comes. E-mails come 100 a second, and are timed from the call of `publish` until the provider
has answered. Runs alone and beside a hanging push take turns, five of each; the figure is the median of their ratios.
Caveat: a 99th percentile of so few is noisy, and so is the machine. Users are many, so that none has more under way
than a user may: whoever has that many hanging waits with all channels.
"""

import statistics
import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.notifying import Hanging, Sender, in_parallel, open_shop, p99, publish, sent_within_ms

E_MAILS = 500
EVERY_MS = 10
TAKES_MS = 5
HANGING = 2_000
EVERY_TENTH = 10
RUNS = 5


async def run(scale: float) -> list[Figure]:
    """The median of five ratios."""
    e_mails, hanging = max(20, int(E_MAILS * scale)), max(200, int(HANGING * scale))
    runs = RUNS if scale >= 1 else 1
    ratios = [await _p99(e_mails, hanging) / await _p99(e_mails, 0) for _ in range(runs)]
    return [Figure("e-mail's p99 while push hangs", statistics.median(ratios), "of alone", 1.25, 1.1, "less")]


async def _p99(e_mails: int, hanging: int) -> float:
    email, push = Sender(takes_ms=TAKES_MS, name="email"), Hanging(name="push", part="body")
    with tempfile.TemporaryDirectory() as name:
        async with open_shop(Path(name), [email, push]) as shop:

            async def beside(n: int) -> None:
                if n % EVERY_TENTH == 0:
                    await publish(shop, n, push.name)

            await sent_within_ms(shop, email, e_mails // 5, every_ms=EVERY_MS)
            await in_parallel(lambda n: publish(shop, n, push.name), hanging)
            taken = await sent_within_ms(shop, email, e_mails, every_ms=EVERY_MS, beside=beside if hanging else None)
            push.let_go.set()
    return p99(taken)
