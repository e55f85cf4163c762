"""A rehearsed and timed rollback."""
