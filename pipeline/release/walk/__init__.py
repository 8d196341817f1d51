"""Carries releases out: publishes, writes aliases, ticks until each is over or held."""
