"""What stands before the pages: who may open them, how long requests may take, what browsers are told."""
