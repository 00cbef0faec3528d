"""PersonaChat: a workbench for AI personas."""

__version__ = "0.1.0"
