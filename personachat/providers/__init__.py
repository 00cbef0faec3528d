"""The models' servers: what can be asked of them, and what they answer as one kind of event.

A provider turns a `ChatRequest` into events and errors of ours; nobody else knows its protocol. Begin
with `base`, then `registry`, which finds the provider for a model's name.
"""
