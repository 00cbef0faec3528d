"""Comparing and testing personas: variants side by side, suites of cases, and what their numbers prove."""
