"""How tests use each example service through its own trigger, and how they change it; one file a service.

`caller(shop)` gives a function that uses the service once, by a number; AssertionError when the answer is wrong.
`RATE`: calls a second. `GOOD`, then `BAD`: a path, what stands there, and what comes instead; or why there is none.
"""

from __future__ import annotations


def configured(folder: str) -> tuple[str, str, str]:
    """A harmless change of configuration, where one of code would link an AWS SDK again, for a minute."""
    return f"{folder}/service.yaml", "RUST_LOG: info", 'RUST_LOG: "info,hyper=warn"'
