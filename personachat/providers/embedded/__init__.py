"""The model that runs in this process, so that PersonaChat works without a key.

llama.cpp is loaded at the first reply. Begin with `provider`.
"""
