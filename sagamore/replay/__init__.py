"""Real order history, played through a shop as if it happened now: `sagamore replay FILE.csv`.

rows.py     a CSV file in the Online Retail columns, to rows; broken ones are named and left out
plan.py     rows to what is to be done: sales, cancellations, returns, adjustments. Once, however often it is played
play.py     a plan through a shop's doors, a bounded number of orders at once
report.py   what became of it, in numbers
"""

from sagamore.replay.plan import Plan, make_plan
from sagamore.replay.play import Player
from sagamore.replay.report import Report
from sagamore.replay.rows import read_rows

__all__ = ["Plan", "Player", "Report", "make_plan", "read_rows"]
