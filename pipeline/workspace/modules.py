"""Which Terraform modules a service uses: by its triggers and resources. A module counts with those it calls. Pure.

To make a module count, name it here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from pipeline.workspace.tree import Tree, join, under

ALWAYS = ("rust-lambda",)
BY_TRIGGER: Mapping[str, tuple[str, ...]] = {
    "cognito": ("cognito-trigger",),
    "enrichment": ("pipe",),
    "event": ("event-rule",),
    "function-url": ("function-url",),
    "http": ("http-api",),
    "s3": ("s3-trigger",),
    "schedule": ("schedule",),
    "sqs": ("sqs-consumer",),
    "state-machine": (),
    "stream": ("stream-consumer",),
}
BY_RESOURCE: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("dynamodb-table",),
    "event-bus": ("event-bus",),
    "s3": ("s3-bucket",),
    "secret": ("secret",),
    "sqs": ("sqs-queue",),
}

_SOURCE = re.compile(r'^\s*source\s*=\s*"(\.\.?/[^"]*)"', re.MULTILINE)
_UNAPPLIED = ("tests", "examples", "docs")


def used(triggers: Iterable[str], resources: Iterable[str]) -> tuple[str, ...]:
    """The names of the modules for triggers and resources of these kinds."""
    names = [
        *ALWAYS,
        *(name for kind in triggers for name in BY_TRIGGER.get(kind, ())),
        *(name for kind in resources for name in BY_RESOURCE.get(kind, ())),
    ]
    return tuple(dict.fromkeys(names))


def with_called(modules: Iterable[str], *trees: Tree) -> tuple[str, ...]:
    """These module folders and all that their files call by a relative path, on any of the sides."""
    found = list(dict.fromkeys(modules))
    for module in found:
        for tree in trees:
            for path in tree.paths():
                if path.endswith(".tf") and posixpath.dirname(path) == module:
                    text = (tree.read(path) or b"").decode("utf-8", "replace")
                    called = (join(module, source) for source in _SOURCE.findall(text))
                    found += [one for one in dict.fromkeys(called) if one is not None and one not in found]
    return tuple(found)


def applied(path: str, module: str) -> bool:
    """Is this file of a module part of what Terraform applies?"""
    unapplied = any(under(path, f"{module}/{folder}") for folder in _UNAPPLIED)
    return under(path, module) and not unapplied and not path.endswith(".md")
