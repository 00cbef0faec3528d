"""Comparing: one message to several variants of personas at once, each with a history of its own.

A variant is a persona as it was when the comparison began (saved, an earlier revision, or a draft), with its
own model and parameters. Its conversation is like any other but appears in no list of chats, so its replies
are live replies and survive what those survive. Everything that leaves this package about a blind comparison
goes through `seen`, which withholds what would give the vote away. Begin with `service`.
"""
