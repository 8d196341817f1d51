"""The composition: what a deploy would do and how it is done, from the commit to all traffic, over all other stages."""
