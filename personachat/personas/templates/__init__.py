"""Where a persona can begin: the templates that come with the product, and people's own."""
