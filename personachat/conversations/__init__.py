"""Stored conversations: their turns, the order of the turns, and the owner.

Only its owner can change a turn, and none is lost when a process dies. The database and the memory keep the
same tree (`tree`). Begin with `model`, then `base` for the interface of a store, then `sql`.
"""
