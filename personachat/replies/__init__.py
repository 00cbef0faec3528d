"""A reply from its plan to its end: what is sent, how it streams, how it is saved.

Replies run on a loop of their own and belong to nobody's page; each has limits on time and length, and its
text is in the journal before anybody sees it. Begin with `planner`, then `engine`, then `runner`.
"""
