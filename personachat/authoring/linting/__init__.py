"""The linter: what will hurt in a persona that is valid, and what a message to it takes."""

from personachat.authoring.linting.findings import Finding, Severity
from personachat.authoring.linting.fixes import Fix, fixed
from personachat.authoring.linting.linter import Estimate, Linter

__all__ = ["Estimate", "Finding", "Fix", "Linter", "Severity", "fixed"]
