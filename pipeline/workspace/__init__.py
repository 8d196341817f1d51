"""Git and the cargo graph in, the affected services and their reasons out.

`git.py` is the only place for GitPython; `affected.py` decides on a frozen snapshot; nothing here writes to git.
"""
