"""The Compare page: choose variants, watch their replies side by side, vote, and see where they stand."""
