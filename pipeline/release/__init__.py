"""Walks live traffic onto a new version: observe, decide, act, record; the judge says whether it is worse."""
