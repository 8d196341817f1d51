"""AWS's limits that span several keys of one manifest, in the manifest's terms; what is only unwise is a warning.

Pure: takes a valid manifest, says findings by path. Single values are judged by the models' own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipeline.manifest.forms import MAX_VARIABLES_BYTES
from pipeline.manifest.places import Finding
from pipeline.manifest.references import ReferenceFault, split
from pipeline.manifest.rules import json_text

if TYPE_CHECKING:
    from pipeline.manifest.models import Manifest

_SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-AbCdEf"  # noqa: S105 - the shortest there is


def findings(manifest: Manifest) -> Iterator[Finding]:
    """Everything this manifest alone shows."""
    yield from _variables(manifest)


def _variables(manifest: Manifest) -> Iterator[Finding]:
    """Lambda measures all variables together, as JSON; what is filled in later counts as nothing."""
    for name in manifest.secrets:
        if name in manifest.environment:
            what = f"`{name}` stands in `environment` too"
            yield Finding(("secrets", name), what, "remove one", because=(("environment", name),))
    known: Mapping[str, str] = {
        **{name: _literal(text) for name, text in manifest.environment.items()},
        **{
            name: text if ":" in text else _SECRET_ARN.format(_literal(text)) for name, text in manifest.secrets.items()
        },
    }
    size = len(json_text(known).encode())
    if size > MAX_VARIABLES_BYTES:
        which = "all variables and the secrets' ARNs" if manifest.secrets else "all variables"
        what = f"{which} together take {size} bytes"
        yield Finding(("environment",), what, f"Lambda takes {MAX_VARIABLES_BYTES}", because=(("secrets",),))


def _literal(text: str) -> str:
    if "${" not in text:
        return text
    try:
        return "".join(part for part in split(text) if isinstance(part, str))
    except ReferenceFault:
        return text
