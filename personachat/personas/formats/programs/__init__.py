"""The files of other programs: one module each. A file is recognized by its content, never by its name."""
