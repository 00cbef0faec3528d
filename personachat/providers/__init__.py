"""Model servers: what can be requested from them, and their answers as one kind of events.

A provider turns a `ChatRequest` into our events and errors; no other code knows its protocol. Begin with
`base`, then `registry`, which finds the provider for a model's name.
"""
