"""Conversations of other programs, converted to the document that PersonaChat's own import reads."""
