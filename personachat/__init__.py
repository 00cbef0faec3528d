"""PersonaChat: a workbench for AI personas."""

__version__ = "1.0.0"
