"""The receipt of a switch: what was observed of it, with times, and what could not be observed."""
