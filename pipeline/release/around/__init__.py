"""What a release calls and tells outside: smoke events, probes, hooks, notifications. Decides nothing."""
