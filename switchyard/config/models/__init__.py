"""The settings models, one file for each area: frozen, and unknown keys are refused."""
