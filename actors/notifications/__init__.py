"""Notifications: from one event to every channel. What each file is for, README's source tour says."""
