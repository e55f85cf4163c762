"""The findings of a scanner in a stack, their waivers, and a summary of the stack for reviews."""
