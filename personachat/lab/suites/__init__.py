"""Suites: what a persona promises, as cases with checks, in a file or row beside the persona."""
