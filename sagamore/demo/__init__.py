"""`sagamore demo`: a shop to watch, killed half-way, and its books held against the provider's.

Three processes. This one plays the customers, who outlive the shop and repeat, under the same keys, what it did not
answer; `shop.py` is the shop, with an engine of its own, which tells its customers through `phones.py`; `provider.py`
is the payment twin. All talk in lines of JSON over pipes, and whoever is left alone, because its standard input ended,
ends too.
"""
