"""The ledger: one row for each call of a model, whatever asked for it, and the sums of such rows."""
