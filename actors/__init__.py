"""The actors that ship with Sagamore."""
