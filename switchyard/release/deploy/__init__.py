"""Releases of one service and of several by `switchyard deploy`, phase by phase."""
