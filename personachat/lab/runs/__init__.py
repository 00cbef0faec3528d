"""Runs of suites: planned, forecast, run on the engine's loop, kept cell by cell, scored and compared."""
