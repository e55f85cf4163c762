"""What a scanner finds in a stack, what of it is waived and why, and a summary of the stack for reviews."""
