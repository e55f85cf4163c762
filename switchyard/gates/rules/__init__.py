"""Every refusal, as pure functions of settings and of what was read."""
