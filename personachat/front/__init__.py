"""In front of the pages: who may open them, how long requests may take, and the headers that browsers get."""
