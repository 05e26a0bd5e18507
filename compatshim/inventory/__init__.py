"""Inventories: what an environment holds, read from one kind of source per module."""
