"""What is kept of releases: the head in the alias's description, records, leases, history. Moves no traffic."""
