"""Back to the previous version at once, and what is written of it afterwards. Loads nothing heavy."""
