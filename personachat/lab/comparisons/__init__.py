"""Comparing: one message to several variants of personas at once, each with a history of its own.

A variant is a persona as it stood when the comparison began (saved, an earlier revision, or a draft), with a
model and parameters of its own choice. Its conversation is one like any other, kept where no list of chats
finds it, so its replies are live replies with all that those survive. Whatever leaves this package of a blind
comparison goes through `seen`, which withholds what a vote must not know. Begin with `service`.
"""
