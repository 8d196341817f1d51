"""What invokes a function besides HTTP: queues, buckets, time, events, streams, pipes, user pools, state machines."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.manifest import forms, rules, schedules, units
from pipeline.manifest.models_base import GIVEN, LISTED, Kinded, OneKey
from pipeline.manifest.models_http import FunctionUrlTrigger, HttpTrigger
from pipeline.manifest.rules import fault

_WINDOW = (
    *rules.quantity(units.whole_seconds, "5 s", of=units.TIMES, within=rules.between(0, 300, "0 s to 300 s", "s")),
)
_ANY_MAPPING = {"type": "object", "minProperties": 1}
_Pattern = Annotated[str, rules.Read(forms.pattern, str, {**_ANY_MAPPING, "maxProperties": 100})]
_OWN = "write an own resource's name"


class SqsTrigger(Kinded):
    """Messages of a queue, in batches."""

    kind: ClassVar[Literal["sqs"]] = "sqs"
    example: ClassVar[str] = "queue: jobs"

    queue: Annotated[
        str,
        forms.resource(
            "a queue",
            "sqs",
            rule=f"{_OWN}, `${{services.NAME.QUEUE}}` or an ARN of SQS",
            examples=("jobs", "${services.orders.jobs}"),
        ),
    ]
    """An own resource's name, another service's queue, or an ARN."""

    batch: Annotated[int, rules.count(1, 10_000, "messages")] = 10
    """Messages an invocation gets at most: 10, or 10,000 with a `window` of 1 s and more; 10 of a FIFO queue."""

    window_s: Annotated[int, *_WINDOW] = Field(default=0, validation_alias="window")
    """How long messages are gathered for a batch, 0 s to 300 s; not for FIFO queues."""

    max_concurrency: Annotated[Annotated[int, rules.count(2, 1_000, "invocations")] | None, GIVEN] = None
    """Invocations at once that this queue may cause, 2 to 1,000."""

    partial_failures: bool = True
    """Whether the function reports which messages failed, so that only those come again."""

    @model_validator(mode="after")
    def _large_batches_wait(self) -> SqsTrigger:
        if self.batch > 10 and self.window_s < 1:
            what = f"{self.batch} messages of a queue need a window"
            instead = "write `window: 1 s` or more, or a batch of up to 10"
            raise fault(what, instead, at=("batch",), because=(("window",),))
        return self


class S3Trigger(Kinded):
    """Objects of a bucket that come and go."""

    kind: ClassVar[Literal["s3"]] = "s3"
    example: ClassVar[str] = "bucket: images"

    bucket: Annotated[
        str,
        forms.resource(
            "a bucket",
            rule=f"{_OWN}, `${{services.NAME.BUCKET}}` or a bucket's name",
            name=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|[a-z]",
            examples=("images",),
        ),
    ]
    """An own resource's name, another service's bucket, or the name of a bucket that exists."""

    events: Annotated[
        tuple[Literal["created", "removed", "restored", "expired", "tagged"], ...],
        LISTED,
        rules.listed(1, 5, "events"),
    ] = ("created",)
    """What must happen to an object."""

    prefix: Annotated[str, rules.matches(r"[^\x00-\x1f]{0,1024}", "a prefix", "up to 1,024 characters")] = ""
    """Only objects whose key begins with it."""

    suffix: Annotated[str, rules.matches(r"[^\x00-\x1f]{0,1024}", "a suffix", "up to 1,024 characters")] = ""
    """Only objects whose key ends with it."""


class ScheduleTrigger(Kinded):
    """Time: EventBridge Scheduler invokes by `cron` or at a `rate`."""

    kind: ClassVar[Literal["schedule"]] = "schedule"
    example: ClassVar[str] = "rate: 5 min"
    also: ClassVar[rules.Schema] = {
        "oneOf": [{"required": ["cron"]}, {"required": ["rate"], "not": {"required": ["timezone"]}}]
    }

    cron: Annotated[Annotated[str, schedules.cron] | None, GIVEN] = None
    """Six fields: minutes, hours, day of month, month, day of week, year; one of the two days is `?`."""

    rate_s: Annotated[
        Annotated[
            int,
            *rules.quantity(
                units.minutes, "5 min", of=units.TIMES, within=rules.between(60, 31_536_000, "1 min to 365 days", "s")
            ),
        ]
        | None,
        GIVEN,
    ] = Field(default=None, validation_alias="rate")
    """Every so often, in whole minutes."""

    timezone: Annotated[str, schedules.timezone] = "UTC"
    """Whose clock `cron` means, summer time included."""

    payload_json: Annotated[str, rules.Read(rules.json_text, str, {}, json.loads)] = Field(
        default="{}", validation_alias="payload"
    )
    """What the function is invoked with, as JSON."""

    @model_validator(mode="after")
    def _cron_or_rate(self) -> ScheduleTrigger:
        if self.cron is None and self.rate_s is None:
            instead = 'write `cron: "0 3 * * ? *"` or `rate: 5 min`'
            raise fault("says no time", instead, because=(("cron",), ("rate",)))
        if self.cron is not None and self.rate_s is not None:
            raise fault("either `cron` or `rate`", "remove one", at=("rate",))
        if self.rate_s is not None and self.timezone != "UTC":
            raise fault("a rate is the same in every time zone", "remove it", at=("timezone",), because=(("cron",),))
        return self

    @property
    def expression(self) -> str:
        """As EventBridge Scheduler takes it."""
        if self.cron is not None:
            return f"cron({self.cron})"
        minutes = (self.rate_s or 60) // 60
        return f"rate({minutes} minute{'' if minutes == 1 else 's'})"


class EventTrigger(Kinded):
    """Events of an EventBridge bus that match a pattern."""

    kind: ClassVar[Literal["event"]] = "event"
    example: ClassVar[str] = "pattern: {source: [shop.orders]}"

    bus: Annotated[
        str,
        forms.resource(
            "an event bus",
            "events",
            rule="write `default`, an own resource's name, `${services.NAME.BUS}` or an ARN of EventBridge",
            examples=("default",),
        ),
    ] = "default"
    """`default`, an own resource's name, another service's bus, or an ARN."""

    pattern_json: _Pattern = Field(validation_alias="pattern")
    """Which events, in EventBridge's own form: each field with the list of what matches."""


class StreamTrigger(Kinded):
    """Records of a DynamoDB table's stream or a Kinesis stream, in order."""

    kind: ClassVar[Literal["stream"]] = "stream"
    example: ClassVar[str] = "source: table"

    source: Annotated[
        str,
        forms.resource(
            "a stream",
            "dynamodb",
            "kinesis",
            rule=f"{_OWN}, `${{services.NAME.TABLE}}` or an ARN of a DynamoDB or Kinesis stream",
            examples=("table",),
        ),
    ]
    """An own table with a `stream`, another service's, or a stream's ARN."""

    batch: Annotated[int, rules.count(1, 10_000, "records")] = 100
    """Records an invocation gets at most."""

    window_s: Annotated[int, *_WINDOW] = Field(default=0, validation_alias="window")
    """How long records are gathered for a batch, 0 s to 300 s."""

    start: Literal["latest", "trim-horizon"] = "latest"
    """Where reading begins the first time: at what comes from now on, or at the oldest record that is kept."""

    retries: Annotated[Annotated[int, rules.count(0, 10_000, "retries")] | None, GIVEN] = None
    """How often a failed batch is tried again; without it until its records expire, which holds up all behind them."""

    bisect: bool = True
    """Whether a failed batch is halved, so that one bad record is found."""

    partial_failures: bool = True
    """Whether the function reports where in a batch it failed, so that only the rest comes again."""


class EnrichmentTrigger(Kinded):
    """EventBridge Pipes: what comes from `source` passes through this function and goes to `target`."""

    kind: ClassVar[Literal["enrichment"]] = "enrichment"
    example: ClassVar[str] = "source: jobs, target: audit"

    source: Annotated[
        str,
        forms.resource(
            "a source of a pipe",
            "sqs",
            "dynamodb",
            "kinesis",
            rule=f"{_OWN}, `${{services.NAME.RESOURCE}}` or an ARN of SQS, DynamoDB or Kinesis",
        ),
    ]
    """An own queue or table with a `stream`, another service's, or an ARN."""

    target: Annotated[
        str, forms.resource("a target of a pipe", "any", rule=f"{_OWN}, `${{services.NAME.RESOURCE}}` or an ARN")
    ]
    """Where what the function answers goes: an own queue or bus, another service's, or an ARN."""

    filters: Annotated[tuple[_Pattern, ...], LISTED, rules.listed(0, 5, "filters")] = ()
    """Patterns in EventBridge's form, of which an event must match one; the rest is dropped."""

    batch: Annotated[int, rules.count(1, 10_000, "events")] = 1
    """Events an invocation gets at most."""


class CognitoTrigger(Kinded):
    """A moment in the life of a user of a Cognito user pool; Cognito waits 5 s for the answer."""

    kind: ClassVar[Literal["cognito"]] = "cognito"
    example: ClassVar[str] = "trigger: pre-sign-up"
    also: ClassVar[rules.Schema] = {
        "if": {"required": ["version"]},
        "then": {"properties": {"trigger": {"const": "pre-token-generation"}}},
    }

    user_pool: Annotated[
        Annotated[
            str,
            rules.matches(
                r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]_[A-Za-z0-9]{1,46}",
                "a user pool's id",
                "write for example `eu-west-1_AbCdEfGhI`",
                examples=("eu-west-1_AbCdEfGhI",),
            ),
        ]
        | None,
        GIVEN,
    ] = None
    """The id of a pool that is managed elsewhere; without it the service has a pool of its own."""

    trigger: Literal[
        "pre-sign-up",
        "post-confirmation",
        "pre-authentication",
        "post-authentication",
        "pre-token-generation",
        "custom-message",
        "define-auth-challenge",
        "create-auth-challenge",
        "verify-auth-challenge-response",
        "user-migration",
    ]
    """Which moment."""

    version: Annotated[Literal["V1_0", "V2_0", "V3_0"] | None, GIVEN] = None
    """The event's form for `pre-token-generation`: V2_0 adds access tokens, V3_0 those of machines."""

    @model_validator(mode="after")
    def _only_tokens_have_versions(self) -> CognitoTrigger:
        if self.version is not None and self.trigger != "pre-token-generation":
            raise fault(f"`{self.trigger}` has one version only", "remove it", at=("version",))
        return self


class StateMachineTrigger(Kinded):
    """A task of a Step Functions state machine, which invokes the alias: `${services.NAME.alias.arn}`."""

    kind: ClassVar[Literal["state-machine"]] = "state-machine"


Trigger = Annotated[
    HttpTrigger
    | FunctionUrlTrigger
    | SqsTrigger
    | S3Trigger
    | ScheduleTrigger
    | EventTrigger
    | StreamTrigger
    | EnrichmentTrigger
    | CognitoTrigger
    | StateMachineTrigger,
    OneKey("trigger", 'http: {routes: ["GET /"]}'),
]
