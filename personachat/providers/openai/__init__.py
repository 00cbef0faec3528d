"""Servers that speak OpenAI's chat completions, with the habits of about twenty of them.

Bytes are read here, not by the SDK, and a request that a server refuses is adapted and sent again. Begin
with `provider`, then `reader` and `completion`.
"""
