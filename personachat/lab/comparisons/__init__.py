"""Comparing: one message to several variants of personas at once, each with a history of its own.

A variant is a persona as it was when the comparison began (saved, an earlier revision, or a draft), with its
own model and parameters. Its conversation is like any other but isn't in any list of chats, so its replies
are ordinary live replies. Everything that leaves this package about a blind comparison goes through `seen`,
which withholds what would spoil the vote. Begin with `service`.
"""
