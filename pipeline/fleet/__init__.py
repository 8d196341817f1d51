"""Waves over the targets of a fleet: one commit, one artifact, target after target.

In: a fleet of `crabwalk.yaml`, the commit, and what each target's ledger says. Out: how far the commit got, and an exit
code. `plan.py` decides (pure): what is done, what is next, who goes back, in which order. `waves.py` carries that out,
by the existing deploy of each member (`member.py`); `look.py` reads how targets stand, `record.py` keeps what belongs
to the whole in the first target's bucket, `copies.py` lays the artifact into each bucket before the first wave.

A member is an environment like any other: its walks, leases, aliases and rollbacks are its own. Nothing is kept in
memory that the ledgers and the fleet's record do not have, so whoever deploys the fleet again goes on where it stood.
"""
