"""What a server says of its calls to those who run it: log lines, figures for Prometheus, OpenTelemetry.

All of it is told by the ledger, off the path of a reply. None of it holds a text of anybody, or a secret.
"""
