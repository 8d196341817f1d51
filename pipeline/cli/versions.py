"""How a version is written on the command line. Asks nothing of AWS."""

from __future__ import annotations

import re

import click

from pipeline.errors import UsageError

_VERSION = re.compile(r"\$LATEST|[1-9][0-9]*")


def check_version(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """A click callback; UsageError for what no version can be called."""
    if value is not None and not _VERSION.fullmatch(value):
        raise UsageError(f"`{value}` is not a version", hint="a version is a number, or $LATEST")
    return value
