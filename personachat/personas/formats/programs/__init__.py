"""The files of other programs: one module each, found by what a file holds and never by its name."""
