"""Whether triggers, resources and access of one manifest fit together: names, kinds, batches, loops. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pipeline.manifest.models_access import VERBS, Grant
from pipeline.manifest.models_resources import DynamodbResource, SqsResource
from pipeline.manifest.models_triggers import (
    CognitoTrigger,
    EnrichmentTrigger,
    S3Trigger,
    SqsTrigger,
    StreamTrigger,
    Trigger,
)
from pipeline.manifest.node import nearest
from pipeline.manifest.places import Finding, Path
from pipeline.manifest.references import SERVICES

if TYPE_CHECKING:
    from pipeline.manifest.models import Manifest

_ONCE = {"http": "list all routes in it", "function-url": "remove one", "state-machine": "remove one"}
_OWN_POOL = "the service's own pool has one trigger"
# The keys that name a resource, and the kinds it can be of.
_NAMED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("sqs", "queue"): ("sqs",),
    ("event", "bus"): ("event-bus",),
    ("stream", "source"): ("dynamodb",),
    ("enrichment", "source"): ("sqs", "dynamodb"),
    ("enrichment", "target"): ("sqs", "event-bus"),
}
_FIFO_BATCH = 10


def findings(manifest: Manifest) -> Iterator[Finding]:
    """What does not fit together, as far as this manifest tells."""
    yield from _dead_letter(manifest)
    for index, trigger in enumerate(manifest.triggers):
        at: Path = ("triggers", index, trigger.kind)
        for (kind, key), kinds in _NAMED.items():
            if kind == trigger.kind:
                yield from _owned(manifest, (*at, key), getattr(trigger, key), kinds)
        if isinstance(trigger, SqsTrigger):
            yield from _queue(manifest, trigger, at)
        elif isinstance(trigger, S3Trigger):
            yield from _bucket(manifest, trigger, at)
        elif isinstance(trigger, (StreamTrigger, EnrichmentTrigger)):
            yield from _stream(manifest, (*at, "source"), trigger.source)
    yield from _twice(manifest)
    yield from _access(manifest)


def _dead_letter(manifest: Manifest) -> Iterator[Finding]:
    if manifest.dead_letter is None:
        return
    yield from _owned(manifest, ("dead_letter",), manifest.dead_letter, ("sqs",))
    own = manifest.resources.get(manifest.dead_letter)
    if (isinstance(own, SqsResource) and own.fifo) or manifest.dead_letter.endswith(".fifo"):
        because = (("resources", manifest.dead_letter),)
        yield Finding(("dead_letter",), "a FIFO queue cannot take what failed", "name a standard one", because)


def _access(manifest: Manifest) -> Iterator[Finding]:
    for name, secret in manifest.secrets.items():
        if secret in manifest.resources:
            what = f"`{secret}` is the secret of that name at AWS, not the service's own resource"
            instead = f"write `${{services.{manifest.name}.{secret}}}` for that"
            yield Finding(("secrets", name), what, instead, warning=True)
    for index, entry in enumerate(manifest.access):
        if isinstance(entry, Grant):
            yield from _owned(manifest, ("access", index, "to"), entry.to, tuple(VERBS))
            own = manifest.resources.get(entry.to)
            service = entry.to.split(":")[2:3]
            kind = own.kind if own is not None else SERVICES.get(service[0], service[0]) if service else None
            if kind is not None:
                yield from verb_faults(entry, index, kind)


def verb_faults(entry: Grant, index: int, kind: str) -> Iterator[Finding]:
    """Words that mean nothing for this kind of resource."""
    known = VERBS.get(kind, ())
    for place, word in enumerate(entry.allow):
        if word.islower() and word not in known:
            instead = f"possible: {', '.join(known)}" if known else "write the API's names, for example `Publish`"
            because = (("access", index, "to"), ("resources", entry.to))
            yield Finding(("access", index, "allow", place), f"`{word}` means nothing for {kind}", instead, because)


def queue_faults(
    manifest: Manifest, trigger: SqsTrigger, at: Path, queue: SqsResource, there: Path
) -> Iterator[Finding]:
    """Whether a declared queue and its trigger agree; `there` is where the queue's own keys are, or the trigger."""
    need = 6 * manifest.timeout_s + trigger.window_s
    if queue.visibility_s < need:
        sum_ = f"6 x the timeout of {manifest.timeout_s} s" + f" + the window of {trigger.window_s} s" * bool(
            trigger.window_s
        )
        what = f"`{trigger.queue}` hides a message for {queue.visibility_s} s, which must be {need} s: {sum_}"
        because = (("timeout",), (*at, "window"))
        yield Finding(there, what, f"write `visibility: {need} s` or more", because)
    if queue.fifo:
        yield from fifo_faults(trigger, at)


def fifo_faults(trigger: SqsTrigger, at: Path) -> Iterator[Finding]:
    """A FIFO queue's own limits."""
    if trigger.window_s:
        yield Finding((*at, "window"), "a FIFO queue knows no window", "remove it")
    if trigger.batch > _FIFO_BATCH:
        yield Finding((*at, "batch"), f"a FIFO queue gives at most {_FIFO_BATCH} messages", f"write `{_FIFO_BATCH}`")


def _queue(manifest: Manifest, trigger: SqsTrigger, at: Path) -> Iterator[Finding]:
    yield from _owned(manifest, (*at, "queue"), trigger.queue, ("sqs",))
    queue = manifest.resources.get(trigger.queue)
    if isinstance(queue, SqsResource):
        yield from queue_faults(manifest, trigger, at, queue, ("resources", trigger.queue, "sqs", "visibility"))
    elif trigger.queue.endswith(".fifo"):
        yield from fifo_faults(trigger, at)
    reserved = manifest.concurrency.reserved
    if reserved is not None and (trigger.max_concurrency or 0) > reserved:
        what = f"{trigger.max_concurrency} at once are more than the {reserved} reserved, so messages are throttled"
        because = (("concurrency", "reserved"),)
        yield Finding((*at, "max_concurrency"), what, f"write `{max(2, reserved)}`", because, warning=True)
    if _may(manifest, trigger.queue, "send", "SendMessage"):
        what = f"the function may send to `{trigger.queue}`, which invokes it: it can go round for ever"
        yield Finding((*at, "queue"), what, "send to another queue", warning=True)


def _bucket(manifest: Manifest, trigger: S3Trigger, at: Path) -> Iterator[Finding]:
    own = manifest.resources.get(trigger.bucket)
    because: tuple[Path, ...] = (("resources", trigger.bucket),)
    if own is not None:
        yield from _owned(manifest, (*at, "bucket"), trigger.bucket, ("s3",))
    elif "${" not in trigger.bucket:
        buckets = [name for name, resource in manifest.resources.items() if resource.kind == "s3"]
        if len(trigger.bucket) < 3:
            what = f"`{trigger.bucket}` is no resource of this service"
            yield Finding((*at, "bucket"), what, nearest("", buckets), because)
        elif close := get_close_matches(trigger.bucket, buckets, n=1):
            what = f"`{trigger.bucket}` is no resource of this service, so it is a bucket of that name"
            yield Finding((*at, "bucket"), what, f"did you mean `{close[0]}`?", because, warning=True)
    narrow = trigger.prefix or trigger.suffix
    if "created" in trigger.events and not narrow and _may(manifest, trigger.bucket, "write", "PutObject"):
        what = f"the function may write to `{trigger.bucket}`, whose new objects invoke it: it can go round for ever"
        because = ((*at, "prefix"), (*at, "suffix"))
        yield Finding((*at, "bucket"), what, "write a `prefix`, and results beside it", because, warning=True)


def _may(manifest: Manifest, resource: str, *words: str) -> bool:
    grants = (entry for entry in manifest.access if isinstance(entry, Grant) and entry.to == resource)
    return any(word in entry.allow for entry in grants for word in words)


def _owned(manifest: Manifest, path: Path, name: str, kinds: tuple[str, ...]) -> Iterator[Finding]:
    """A plain name is a resource of this service, of one of these kinds."""
    if "${" in name or name.startswith("arn:") or (kinds == ("event-bus",) and name == "default"):
        return
    own = manifest.resources.get(name)
    if own is None:
        known = [one for one, resource in manifest.resources.items() if resource.kind in kinds]
        instead = nearest(name, known) or f"declare it in `resources`, for example `{name}: {{{kinds[0]}: {{}}}}`"
        yield Finding(path, f"`{name}` is no resource of this service", instead, because=(("resources", name),))
    elif own.kind not in kinds:
        because = (("resources", name),)
        yield Finding(path, f"`{name}` is of kind {own.kind}", f"possible here: {', '.join(kinds)}", because)


def _stream(manifest: Manifest, path: Path, name: str) -> Iterator[Finding]:
    own = manifest.resources.get(name)
    if isinstance(own, DynamodbResource) and own.stream is None:
        what = f"the table `{name}` has no stream"
        yield Finding(path, what, "add `stream: new-and-old-images` to it", because=(("resources", name),))


def _twice(manifest: Manifest) -> Iterator[Finding]:
    """Triggers that AWS takes once."""
    first: dict[tuple[str, ...], int] = {}
    buckets: list[tuple[int, S3Trigger]] = []
    for index, trigger in enumerate(manifest.triggers):
        key = _taken(trigger)
        if isinstance(trigger, S3Trigger):
            for place, other in buckets:
                if trigger.bucket == other.bucket and overlap(trigger, other):
                    what = "S3 takes one trigger for an object, and another one here has the same"
                    instead = "write prefixes or suffixes that exclude each other"
                    yield Finding(("triggers", index, "s3"), what, instead, (("triggers", place),))
                    break
            buckets.append((index, trigger))
        if key and first.setdefault(key, index) != index:
            one = _OWN_POOL if trigger.kind == "cognito" else f"a service has one {trigger.kind} trigger"
            what = one if len(key) == 1 else "the same stands above"
            yield Finding(("triggers", index), what, _ONCE.get(trigger.kind, "remove one"), sure=len(key) == 1)


def _taken(trigger: Trigger) -> tuple[str, ...]:
    """What no second trigger of the service may have; of length 1 where the kind itself is, none for no such thing."""
    if trigger.kind in _ONCE:
        return (trigger.kind,)
    if isinstance(trigger, SqsTrigger):
        return (trigger.kind, trigger.queue)
    if isinstance(trigger, StreamTrigger):
        return (trigger.kind, trigger.source)
    if isinstance(trigger, CognitoTrigger):
        return (trigger.kind,) if trigger.user_pool is None else (trigger.kind, trigger.user_pool, trigger.trigger)
    return ()


def overlap(one: S3Trigger, other: S3Trigger) -> bool:
    """Whether one object of a bucket could belong to both."""
    return (
        not set(one.events).isdisjoint(other.events)
        and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))
        and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))
    )
