"""The linter: what will hurt in a persona that is valid, and what a message to it takes."""

from personachat.linting.findings import Finding, Severity
from personachat.linting.fixes import Fix, fixed
from personachat.linting.linter import Estimate, Linter

__all__ = ["Estimate", "Finding", "Fix", "Linter", "Severity", "fixed"]
