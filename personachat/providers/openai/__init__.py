"""Servers that speak OpenAI's chat completions, with the peculiarities of about twenty of them.

The bytes are read here, not by the SDK. A request that a server refuses is adapted and sent again. Begin with
`provider`, then `reader` and `completion`.
"""
