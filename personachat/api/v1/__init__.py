"""The endpoints under `/v1`: chat completions, responses and models, as OpenAI's clients expect them.

Personas appear as models. Errors have OpenAI's form. Begin with `completions`; `responses` adds stored
items.
"""
