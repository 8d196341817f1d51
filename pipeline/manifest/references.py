"""References between services, `${services.todos.table.name}`: what they mean and the order of deployment they set.

Pure and light (no pydantic, no files). Never guesses a value: `resolve` is given them. `referring` judges them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.manifest.graph import waves

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

# The sections whose strings may refer; everywhere else `${` is plain text.
PLACES = ("environment", "secrets", "dead_letter", "triggers", "access")
IMPLIED = "arn"  # what `${services.x.jobs}` means where a resource as a whole is named

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("name", "arn", "stream_arn"),
    "sqs": ("name", "arn", "url"),
    "s3": ("name", "arn"),
    "event-bus": ("name", "arn"),
    "secret": ("name", "arn"),
}
# The kind of what an ARN names, by the service it begins with.
SERVICES: Mapping[str, str] = {
    "dynamodb": "dynamodb",
    "sqs": "sqs",
    "s3": "s3",
    "events": "event-bus",
    "secretsmanager": "secret",
}
# What every function has without declaring it.
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "function": ("name", "arn"),
    "alias": ("arn",),
    "api": ("endpoint", "id"),
    "url": ("endpoint",),
    "user-pool": ("id", "arn"),
    "log-group": ("name",),
    "role": ("arn", "name"),
}
# The trigger that makes them.
MADE_BY = {"api": "http", "url": "function-url", "user-pool": "cognito"}

_OPENING = re.compile(r"\$?\$\{")
_NAME = r"[a-z][a-z0-9-]*"
_FORM = re.compile(rf"\$\{{services\.({_NAME})\.({_NAME})(?:\.([a-z][a-z0-9_]*))?\}}", re.ASCII)
_WRITTEN = re.compile(r"\$\{([^}\n]{0,200})(\}?)")
_PLAIN = "write `$${` where a plain `${` is meant"


@dataclass(frozen=True, order=True)
class Reference:
    """One value of another service's (or the own) infrastructure."""

    service: str
    resource: str
    attribute: str

    def __str__(self) -> str:
        return f"${{services.{self.service}.{self.resource}.{self.attribute}}}"

    @property
    def whole(self) -> str:
        """How the resource as a whole is written."""
        return f"${{services.{self.service}.{self.resource}}}"


class ReferenceFault(ValueError):  # noqa: N818 - the contract's word; a problem of a manifest, not of the program
    """A `${` that is no reference; `instead` is what to write."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead


def split(text: str, *, implied: bool = True) -> tuple[str | Reference, ...]:
    """Literals and references in order; `$${` is a literal `${`. Raises ReferenceFault for any other `${`.

    `implied`: `${services.x.jobs}` names the resource as a whole, its ARN.
    """
    parts: list[str | Reference] = []
    literal = ""
    position = 0
    for opening in _OPENING.finditer(text):
        if opening.start() < position:
            continue  # inside a reference
        literal += text[position : opening.start()]
        if opening[0] == "$${":
            literal += "${"
            position = opening.end()
            continue
        match = _FORM.match(text, opening.start())
        if match is None or (match[3] is None and not implied):
            raise _fault(text, opening.start())
        if literal:
            parts.append(literal)
        literal = ""
        parts.append(Reference(match[1], match[2], match[3] or IMPLIED))
        position = match.end()
    literal += text[position:]
    return (*parts, literal) if literal else tuple(parts)


def _fault(text: str, start: int) -> ReferenceFault:
    written = _WRITTEN.match(text, start)
    inner, closed = (written[1], written[2]) if written else ("", "")
    shown = f"${{{inner if len(inner) <= 60 else inner[:57] + '...'}{closed}"
    words = inner.strip().split(".")
    if not closed:
        return ReferenceFault(f"`{shown}` is never closed", f"add a `}}`, or {_PLAIN}")
    if words[0] != "services":
        return ReferenceFault(
            f"`{shown}` is no reference", f"write `${{services.NAME.RESOURCE.ATTRIBUTE}}`, or {_PLAIN}"
        )
    tidy = f"${{{'.'.join(word.strip() for word in words)}}}"
    if tidy != f"${{{inner}}}" and _FORM.fullmatch(tidy):
        return ReferenceFault(f"`{shown}` is no reference", f"write `{tidy}`")
    if len(words) < 3:
        return ReferenceFault(f"`{shown}` names no resource", "write `${services.NAME.RESOURCE.ATTRIBUTE}`")
    if len(words) == 3 and _FORM.fullmatch(tidy):
        return ReferenceFault(f"`{shown}` names no attribute", f"write for example `{tidy[:-1]}.name}}`")
    return ReferenceFault(f"`{shown}` is no reference", "write `${services.NAME.RESOURCE.ATTRIBUTE}`")


def resolve(text: str, values: Mapping[Reference, str]) -> str:
    """`text` with every reference replaced by its value; a KeyError names one that has none."""
    return "".join(part if isinstance(part, str) else values[part] for part in split(text))


def references(service: Service) -> tuple[Reference, ...]:
    """Everything a valid service refers to, its own infrastructure included, sorted."""
    texts = (text for place in PLACES for text in _texts(getattr(service, place, None)))
    return tuple(sorted({part for text in texts for part in split(text) if isinstance(part, Reference)}))


def _texts(value: Any) -> Iterator[str]:
    """Every string with a marker in a model, mapping or sequence."""
    if isinstance(value, str):
        if "${" in value:
            yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _texts(child)
    elif isinstance(value, (tuple, list)):
        for child in value:
            yield from _texts(child)
    elif hasattr(value, "__dict__"):
        yield from _texts(vars(value))


def order(services: Sequence[Service]) -> tuple[tuple[Service, ...], ...]:
    """Waves of deployment: each refers only to earlier ones, also within a stack.

    References to services that are not given set no order: they exist already, or `check` has refused them. Those of
    one `together` come in one wave, after everything any of them refers to: they are released as one.
    """
    ordered = {service.name: service for service in sorted(services, key=lambda service: service.name)}
    unit = {name: group_of(service) or name for name, service in ordered.items()}
    needs: dict[str, set[str]] = {one: set() for one in unit.values()}
    for name, service in ordered.items():
        needs[unit[name]] |= {unit[other] for other in needed(service) if other in unit} - {unit[name]}
    return tuple(tuple(service for name, service in ordered.items() if unit[name] in wave) for wave in waves(needs))


def group_of(service: Service) -> str | None:
    """A name for the group a service is released with, which no service can have; None where it is released alone."""
    together = getattr(getattr(service, "release", None), "together", None)
    return None if together is None else f"together {together}"


def needed(service: Service) -> frozenset[str]:
    """The other services that must carry what is meant before this one can."""
    names = {reference.service for reference in references(service)} | set(getattr(service, "extensions", ()))
    return frozenset(names - {service.name})
