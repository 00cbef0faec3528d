"""Runs of suites: planned, forecast, run on the engine's loop, stored cell by cell, scored and compared."""
