"""Stored conversations: their turns, the order of these, and the owner.

A turn is never changed by another owner and never lost when a process dies. The database and the memory keep
the same tree (`tree`). Begin with `model`, then `base` for what a store does, then `sql`.
"""
