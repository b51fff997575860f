"""Sagamore: an order management system on a durable actor engine, embedded in a Python program."""
