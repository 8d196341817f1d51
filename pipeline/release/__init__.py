"""Walks live traffic onto a new version: observe, decide, act, record; the judge says whether it is worse.

A rollout is a value (`model`, with the `terms` a manifest asks for). The folders, each knowing only those before it:

- `judge`: is the new version worse than the old one, from counts alone.
- `ledger`: what is kept of releases, in S3 and in the alias's description.
- `rollback`: traffic back at once, and what is written of it afterwards.
- `around`: what a release calls and tells outside.
- `decide`: from what is seen of a rollout to what is to be done.
- `walk`: carries that out, tick by tick; the only writer of weights but for `rollback`.
- `verbs`: what one verb each needs beyond that.
"""
