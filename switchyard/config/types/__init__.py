"""Types of single values, such as text, quantities, hosts and paths, each with its rule."""
