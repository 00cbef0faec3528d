"""The ledger: one row for each model call, no matter what it was for, and the sums of these rows."""
