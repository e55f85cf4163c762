"""Types of single values: text, quantities, hosts and paths, each with its rule."""
