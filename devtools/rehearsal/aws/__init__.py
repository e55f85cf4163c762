"""A fake AWS provider: resource types by area, answered by moto."""
