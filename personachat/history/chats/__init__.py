"""Conversations of other programs, turned into the document that PersonaChat's own import reads."""
