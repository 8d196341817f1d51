"""The version of what verbs print under `--output json`, all of them together; docs/json.md has the promise.

A key that goes, gets another name, another type or another meaning makes it one larger. A key that is added does not.
`plan` and saved plans have a format of their own beside it, because they are read by other releases of crabwalk.
"""

from __future__ import annotations

SHAPES = 1
