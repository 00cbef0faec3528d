"""The linter: what is likely to cause trouble in a valid persona, and what a message to it costs."""

from personachat.authoring.linting.findings import Finding, Severity
from personachat.authoring.linting.fixes import Fix, fixed
from personachat.authoring.linting.linter import Estimate, Linter

__all__ = ["Estimate", "Finding", "Fix", "Linter", "Severity", "fixed"]
