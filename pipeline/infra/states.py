"""Terraform's state as a document: which module calls of a service it has, and a service's part moved to another state.

Addresses stay as they are, so the entries are moved as they stand: `terraform state mv` would do the same and lose what
each resource depends on, by which Terraform knows the order to destroy in. Pure; knows format 4, which Terraform writes
since 0.12.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import TerraformError
from pipeline.infra.root import state_key

FORMAT = 4
_CALL = re.compile(r"module\.([^.\[]+)")


@dataclass(frozen=True)
class State:
    """A state as it was read."""

    stack: str
    document: Mapping[str, Any]

    @property
    def serial(self) -> int:
        """Counts its versions."""
        return int(self.document["serial"])

    @property
    def empty(self) -> bool:
        """Whether it manages nothing."""
        return not self.document["resources"]

    def of(self, service: str) -> tuple[Mapping[str, Any], ...]:
        """The resources of a service."""
        return tuple(one for one in self.document["resources"] if _service(one) == service)

    def calls(self) -> frozenset[str]:
        """The module calls of the root that have anything in it."""
        return frozenset(call for one in self.document["resources"] if (call := _call(one)))

    def addresses(self) -> frozenset[str]:
        """Of everything it manages, as Terraform's plans call it."""
        return frozenset(
            _address(one, instance)
            for one in self.document["resources"]
            if one.get("mode") == "managed"
            for instance in one.get("instances") or ()
        )

    @property
    def body(self) -> bytes:
        """As Terraform writes it."""
        return json.dumps(self.document, indent=2).encode() + b"\n"


def read(stack: str, body: bytes | None) -> State | None:
    """The state in `body`; None where there is none. Raises TerraformError for what cannot be understood."""
    if body is None:
        return None
    try:
        document = json.loads(body)
        known = document["version"] == FORMAT
        document["serial"], document["lineage"], document["resources"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(stack, "it is no state, or it is encrypted") from error
    if not known:
        raise _unreadable(stack, f"its format is {document['version']}, and this crabwalk knows {FORMAT}")
    return State(stack, document)


def moved(source: State, target: State | None, to: str, service: str) -> tuple[State, State]:
    """Both states after the move of all a service has, its output included: the source's, and that of the stack `to`.

    A target that has the service's resources already, from a move that ended half-way, keeps what it has.
    """
    first: dict[str, Any] = {
        "version": FORMAT,
        "terraform_version": source.document.get("terraform_version"),
        "serial": 0,
        "lineage": str(uuid.uuid4()),
        "outputs": {},
        "resources": [],
        "check_results": None,
    }
    before = dict(target.document) if target is not None else first
    if target is not None and target.of(service):
        return without(source, service), target
    resources = [*before["resources"], *source.of(service)]
    outputs = {**(before.get("outputs") or {}), **_output(source, service)}
    after = {**before, "serial": before["serial"] + 1, "resources": resources, "outputs": outputs}
    return without(source, service), State(to, after)


def without(state: State, service: str) -> State:
    """The state without a service."""
    document = state.document
    outputs = {name: one for name, one in (document.get("outputs") or {}).items() if name != service}
    resources = [one for one in document["resources"] if _service(one) != service]
    changed = {**document, "serial": state.serial + 1, "resources": resources, "outputs": outputs}
    return State(state.stack, changed)


def same(one: State, other: State, service: str) -> bool:
    """Whether two states have the same things of a service: addresses and identities."""
    return _identities(one, service) == _identities(other, service)


def _identities(state: State, service: str) -> set[tuple[str, str, str, str, str]]:
    return {
        (
            str(one.get("module")),
            str(one.get("type")),
            str(one.get("name")),
            str(instance.get("index_key")),
            str((instance.get("attributes") or {}).get("id")),
        )
        for one in state.of(service)
        for instance in one.get("instances") or ()
        if one.get("mode") == "managed"
    }


def _output(state: State, service: str) -> dict[str, Any]:
    return {name: one for name, one in (state.document.get("outputs") or {}).items() if name == service}


def _address(resource: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    module, key = resource.get("module"), instance.get("index_key")
    index = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
    return f"{f'{module}.' if module else ''}{resource['type']}.{resource['name']}{index}"


def _call(resource: Mapping[str, Any]) -> str:
    found = _CALL.match(str(resource.get("module") or ""))
    return found[1] if found else ""


def _service(resource: Mapping[str, Any]) -> str:
    return _call(resource).partition("_")[0]


def _unreadable(stack: str, why: str) -> TerraformError:
    return TerraformError(
        f"the state of stack `{stack}` cannot be read: {why}", where=state_key(stack), hint="nothing was changed"
    )
