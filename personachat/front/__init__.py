"""What stands before the pages: who may open them, and how long a request may take to arrive."""
