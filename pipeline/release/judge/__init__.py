"""Is the new version worse than the old one: counts in, verdicts out. Pure; knows no release."""
