"""AWS's limits that span several keys of one manifest, in the manifest's terms; what is only unwise is a warning.

Pure: takes a valid manifest, says findings by path. Single values are judged by the models' own rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.manifest import limits_events, units
from pipeline.manifest.forms import GLIBC, MAX_VARIABLES_BYTES
from pipeline.manifest.places import Finding
from pipeline.manifest.references import ReferenceFault, split
from pipeline.manifest.rules import json_text
from pipeline.quotas import GATEWAY_S

if TYPE_CHECKING:
    from pipeline.manifest.models import Manifest

MAX_LAYERS = 5
COGNITO_S = 5
# What an extension says; the rest belongs to the functions it runs beside.
EXTENSION_KEYS = frozenset(
    {"name", "description", "kind", "package", "binary", "features", "architecture", "target", "runtime", "inputs"}
    | {"stack", "tags", "budget"}
)
_SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-AbCdEf"  # noqa: S105 - the shortest there is
_SECRET_NAME = re.compile(r"(?:.*_)?(?:PASSWORD|PASSWD|SECRET|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)\Z")
_SECRET_VALUE = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}\Z|gh[pousr]_[A-Za-z0-9]{36}|-----BEGIN [A-Z ]*PRIVATE KEY")


def findings(manifest: Manifest) -> Iterator[Finding]:
    """Everything this manifest alone shows."""
    yield from _runtime(manifest)
    if manifest.kind == "extension":
        yield from _extension(manifest)
        return
    yield from _variables(manifest)
    yield from _layers(manifest)
    yield from _timeout(manifest)
    yield from _provisioned(manifest)
    yield from _walk(manifest)
    yield from limits_events.findings(manifest)


def _runtime(manifest: Manifest) -> Iterator[Finding]:
    has = GLIBC[manifest.runtime]
    if manifest.glibc is not None and _version(manifest.glibc) > _version(has):
        what = f"`{manifest.runtime}` has glibc {has}, which is older than {manifest.glibc}"
        yield Finding(("target",), what, f"write `gnu.{has}` or less, or `musl`", because=(("runtime",),))
    if manifest.runtime == "provided.al2":
        what = "Amazon Linux 2 gets no updates after June 2026"
        yield Finding(("runtime",), what, "write `provided.al2023`", warning=True)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _extension(manifest: Manifest) -> Iterator[Finding]:
    fields = type(manifest).model_fields
    for name in sorted(manifest.model_fields_set - EXTENSION_KEYS):
        key = str(fields[name].validation_alias or name)
        what = f"`{key}` belongs to the functions that run an extension, not to it"
        yield Finding((key,), what, "remove it", key=True, because=(("kind",),))


def _variables(manifest: Manifest) -> Iterator[Finding]:
    """Lambda measures all variables together, as JSON; what is filled in later counts as nothing."""
    if not manifest.environment and not manifest.secrets:
        return
    for name in manifest.secrets:
        if name in manifest.environment:
            what = "stands in `environment` too"
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
    for name, text in manifest.environment.items():
        if "${" not in text and ((_SECRET_NAME.match(name) and text) or _SECRET_VALUE.match(text)):
            what = "looks like a secret, and whoever may look at the function can read its variables"
            yield Finding(("environment", name), what, "name it in `secrets`", warning=True)


def _literal(text: str) -> str:
    if "${" not in text:
        return text
    try:
        return "".join(part for part in split(text) if isinstance(part, str))
    except ReferenceFault:
        return text


def _layers(manifest: Manifest) -> Iterator[Finding]:
    count = len(manifest.layers) + len(manifest.extensions)
    if count > MAX_LAYERS:
        what = f"`layers` and `extensions` together are {count} layers"
        yield Finding(("extensions",), what, f"Lambda takes {MAX_LAYERS}", because=(("layers",),))


def _timeout(manifest: Manifest) -> Iterator[Finding]:
    kinds = {trigger.kind: (("triggers", index),) for index, trigger in enumerate(manifest.triggers)}
    if "http" in kinds and manifest.timeout_s > GATEWAY_S:
        what = f"API Gateway gives up after {GATEWAY_S} s, the function goes on to {manifest.timeout_s} s"
        yield Finding(("timeout",), what, f"write `{GATEWAY_S} s`, or use `function-url`", kinds["http"], warning=True)
    if "cognito" in kinds and manifest.timeout_s > COGNITO_S:
        what = f"Cognito gives up after {COGNITO_S} s, the function goes on to {manifest.timeout_s} s"
        yield Finding(("timeout",), what, f"write `{COGNITO_S} s`", kinds["cognito"], warning=True)
    latency = manifest.release.checks.latency
    if latency is not None and latency.over_ms >= manifest.timeout_s * 1000:
        over = units.written(Decimal(str(latency.over_ms)), units.FINE)
        what = f"no request takes {over}: the timeout is {manifest.timeout_s} s"
        path = ("release", "checks", "latency", "over")
        yield Finding(path, what, "lower it", because=(("timeout",),), warning=True)


def _provisioned(manifest: Manifest) -> Iterator[Finding]:
    concurrency = manifest.concurrency
    if concurrency.provisioned is not None and manifest.release.steps:
        what = "an alias with provisioned concurrency cannot split traffic, and the release does in its steps"
        instead = "write `release: {steps: []}` (all traffic at once), or remove `provisioned`"
        yield Finding(("concurrency", "provisioned"), what, instead, because=(("release", "steps"),))
    if concurrency.reserved == 0:
        yield Finding(("concurrency", "reserved"), "0 stops every invocation", "raise it to go on", warning=True)


def _walk(manifest: Manifest) -> Iterator[Finding]:
    release = manifest.release
    waits = next((index for index, step in enumerate(release.steps) if step.approve), None)
    if waits is not None and not release.approvers:
        what = "nobody is named in `approvers`, so whoever may promote approves"
        path = ("release", "steps", waits, "approve")
        because = (("release", "approvers"),)
        yield Finding(path, what, "write for example `approvers: [release-*]`", because, warning=True)
    if waits is None and release.approvers:
        what, because = "no step waits for them", (("release", "steps"),)
        yield Finding(("release", "approvers"), what, "write `approve: true` in one", because, warning=True)
    if release.probe is not None and not release.steps:
        what, because = "no step is there during which probes could be sent", (("release", "steps"),)
        yield Finding(("release", "probe"), what, "declare `steps`, or remove it", because, warning=True)
