"""What happens around a walk: sample events before it, traffic during it, hooks on both sides, and who is told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from pipeline.manifest import rules, units
from pipeline.manifest.models_base import GIVEN, LISTED, Model
from pipeline.manifest.rules import fault

_EVENT = rules.relative("service", "events/hello.json")
_File = Annotated[str, _EVENT]
VARIABLE = "env:"  # a webhook's address is a secret: a manifest only says which variable has it
_Address = Annotated[
    str,
    rules.matches(
        rf"{VARIABLE}[A-Za-z_][A-Za-z0-9_]{{0,127}}",
        "a variable that holds an address",
        "write `env:NAME`, and keep the address itself out of the manifest",
        quoted=False,
        examples=("env:DEPLOY_WEBHOOK",),
    ),
]


def _expression(text: str) -> str:
    """A JMESPath expression that can be parsed and whose functions exist."""
    import jmespath
    from jmespath.exceptions import JMESPathError, LexerError, ParseError

    try:
        parsed = jmespath.compile(text).parsed
    except (ParseError, LexerError) as error:
        where = f"look at character {error.lex_position + 1}" if error.token_value else "it ends too early"
        raise fault(f"`{text}` is not a JMESPath expression", where) from None
    except JMESPathError:
        raise fault(f"`{text}` is not a JMESPath expression", "write for example `body.ok`") from None
    unknown = _unknown_function(parsed)
    if unknown:
        raise fault(f"`{text}` calls `{unknown}`, which JMESPath does not have", "see jmespath.org")
    return text


def _unknown_function(parsed: Any) -> str:
    """The first function of an expression that does not exist, empty when all do."""
    from jmespath.functions import Functions

    if not isinstance(parsed, dict):
        return ""
    if parsed.get("type") == "function_expression" and parsed["value"] not in Functions.FUNCTION_TABLE:
        return str(parsed["value"])
    return next((found for child in parsed.get("children", ()) if (found := _unknown_function(child))), "")


class Smoke(Model):
    """An event the new version must answer before it gets any traffic, and what the answer must be."""

    event: _File
    """The event's file in the service's folder."""

    status: Annotated[Annotated[int, rules.count(100, 599)] | None, GIVEN] = None
    """The `statusCode` of the answer; without it, any below 500."""

    error: bool = False
    """Whether the function must fail: its answer is the error then."""

    expect: Annotated[
        tuple[Annotated[str, rules.Rule(_expression, {"pattern": r"\S", "examples": ["body.ok"]})], ...],
        LISTED,
        rules.listed(0, 50, "expressions"),
    ] = ()
    """JMESPath expressions that must be true of the answer; a `body` that is JSON text is read."""


def _only_event(text: str) -> dict[str, str]:
    return {"event": _EVENT.check(text)}


# An event's file alone is the usual way.
SMOKE = rules.Shorthand(_only_event, {"type": "string", **_EVENT.schema})


class Probe(Model):
    """Safe events that are sent through the alias during the walk, so that a quiet service gives evidence."""

    events: Annotated[tuple[_File, ...], LISTED, rules.listed(1, 20, "events")]
    """Event files in the service's folder, sent in turn; each must be safe to be sent again and again."""

    per_minute: Annotated[int, rules.count(1, 6_000, "events a minute")] = 60
    """How many are sent a minute, to both versions together."""


def _argument(text: str) -> str:
    if not text or "\0" in text:
        raise fault("is empty" if not text else "has a zero byte", "write a program or an argument")
    return text


def _program(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise fault("names no program", 'write for example `["./check.sh"]`')
    return words


class Hook(Model):
    """A command that is run, or a webhook that is called."""

    command: Annotated[
        Annotated[
            tuple[Annotated[str, rules.Rule(_argument, {"pattern": r"^[^\x00]+$"})], ...],
            LISTED,
            rules.Rule(_program, {"minItems": 1}),
        ]
        | None,
        GIVEN,
    ] = None
    """A program and its arguments, run without a shell in the service's folder; `./x` is a file of it."""

    webhook: Annotated[_Address | None, GIVEN] = None
    """The variable that holds the address, as `env:NAME`."""

    timeout_s: Annotated[
        float,
        *rules.quantity(units.seconds, "1 min", of=units.TIMES, within=rules.between(1, 3_600, "1 s to 1 h", "s")),
    ] = Field(default=60, validation_alias="timeout")
    """How long it may take."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Hook:
        if (self.command is None) == (self.webhook is None):
            raise fault("must be one hook", 'write for example `command: ["./check.sh"]` or `webhook: env:NAME`')
        return self


class Hooks(Model):
    """What is run around a walk."""

    before: Annotated[tuple[Hook, ...], LISTED, rules.listed(0, 20, "hooks")] = ()
    """After the smoke checks and before any traffic; one that fails rejects the version."""

    after: Annotated[tuple[Hook, ...], LISTED, rules.listed(0, 20, "hooks")] = ()
    """Once the release is over; one that fails is a warning."""


class Notification(Model):
    """Where a release's start, steps, holds and end are told."""

    sns: Annotated[
        Annotated[
            str,
            rules.matches(
                r"arn:aws(?:-[a-z]+){0,3}:sns:[a-z]{2}(?:-[a-z]+){1,3}-[0-9]:[0-9]{12}:[A-Za-z0-9_-]{1,256}",
                "an ARN of an SNS topic",
                "write for example `arn:aws:sns:eu-west-1:123456789012:releases`; a FIFO topic is none",
                examples=("arn:aws:sns:eu-west-1:123456789012:releases",),
            ),
        ]
        | None,
        GIVEN,
    ] = None
    """The ARN of a topic."""

    slack: Annotated[_Address | None, GIVEN] = None
    """The variable that holds the address of a webhook that takes Slack's messages, as `env:NAME`."""

    webhook: Annotated[_Address | None, GIVEN] = None
    """The variable that holds the address of a webhook that takes JSON, as `env:NAME`."""

    @model_validator(mode="after")
    def _one(self) -> Notification:
        if sum(one is not None for one in (self.sns, self.slack, self.webhook)) != 1:
            raise fault("must be one place", "write for example `slack: env:SLACK_WEBHOOK`, each its own")
        return self
