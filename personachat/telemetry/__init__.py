"""What operators can watch of a server's model calls: log lines, Prometheus metrics, OpenTelemetry.

All of it comes from the ledger, after the reply, and none of it contains anybody's text or a secret.
"""
