"""A reply from its plan to its end: what is sent, how it streams, how it is saved.

Replies run on a loop of their own and belong to no page. Each has limits on time and length, and its text is
saved before anybody sees it. Begin with `planner`, then `engine`, then `runner`.
"""
