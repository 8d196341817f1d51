"""What a function may touch: least privilege by resource, and an escape hatch that says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from pipeline.manifest import forms, rules
from pipeline.manifest.models_base import LISTED, Model
from pipeline.manifest.rules import fault

# What may be allowed in one word, by the kind of resource.
VERBS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("read", "write"),
    "sqs": ("send", "receive"),
    "s3": ("read", "write", "delete"),
    "event-bus": ("publish",),
    "secret": ("read",),
}
_ALLOWED = rules.matches(
    r"read|write|send|receive|delete|publish|[A-Z][A-Za-z0-9]{2,63}",
    "something to allow",
    "write `read`, `write`, `send`, `receive`, `delete`, `publish` or an API's name like `GetItem`, in full",
    examples=("read", "write", "GetItem"),
)


class Grant(Model):
    """What the function may do with one resource."""

    to: Annotated[
        str,
        forms.resource(
            "a resource",
            "any",
            rule="write an own resource's name, `${services.NAME.RESOURCE}` or an ARN",
            examples=("table", "${services.orders.jobs}"),
        ),
    ]
    """An own resource's name, another service's resource, or an ARN."""

    allow: Annotated[tuple[Annotated[str, _ALLOWED], ...], LISTED, rules.listed(1, 50, "permissions")]
    """By kind: dynamodb read, write; sqs send, receive; s3 read, write, delete; event-bus publish; secret read; or the
    service's own API names (`GetItem`)."""


class Statement(Model):
    """The escape hatch: IAM actions on resources, for what no word stands for."""

    also: ClassVar[rules.Schema] = {
        "if": {"properties": {"resources": {"contains": {"const": "*"}}}, "required": ["resources"]},
        "then": {"required": ["reason"], "properties": {"reason": {"pattern": r"\S"}}},
    }

    actions: Annotated[
        tuple[
            Annotated[
                str,
                rules.matches(
                    r"[a-z0-9-]{2,40}:[A-Z][A-Za-z0-9]*\*?",
                    "an action",
                    "write service and API, for example `ses:SendEmail`; `*` alone would allow everything",
                    examples=("ses:SendEmail",),
                ),
            ],
            ...,
        ],
        LISTED,
        rules.listed(1, 100, "actions"),
    ]
    """IAM actions; a `*` may end a name, it cannot be one."""

    resources: Annotated[
        tuple[
            Annotated[
                str,
                forms.resource("a resource", "any", rule="write an ARN, a reference to one, or `*`", name=r"\*"),
            ],
            ...,
        ],
        LISTED,
        rules.listed(1, 100, "resources"),
    ]
    """ARNs; `*` only with a `reason`."""

    reason: Annotated[str, rules.matches(r"[^\x00-\x1f]{0,256}", "a reason", "one line of up to 256 characters")] = ""
    """Why, for whoever reviews it."""

    @model_validator(mode="after")
    def _all_needs_a_reason(self) -> Statement:
        if "*" in self.resources and not self.reason.strip():
            at = ("resources", self.resources.index("*"))
            raise fault(
                "`*` is every resource of the account", "name them, or write a `reason`", at=at, because=(("reason",),)
            )
        return self


class _GrantOrStatement:
    """Which of the two an entry is, by the keys it has; the tags are no keys of the file."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[Any, CoreSchema] = {f"~{model.__name__}": handler(model) for model in get_args(source)}
        union = core_schema.tagged_union_schema(choices, _which)
        return core_schema.no_info_before_validator_function(_entry, union)


def _entry(value: Any) -> Any:
    if not isinstance(value, (dict, Model)):
        raise fault("must be a mapping", "write for example `{to: table, allow: [read]}`")
    return value


def _which(value: Any) -> Literal["~Grant", "~Statement"]:
    if isinstance(value, dict):
        return "~Statement" if "to" not in value and ("actions" in value or "resources" in value) else "~Grant"
    return "~Statement" if isinstance(value, Statement) else "~Grant"


Access = Annotated[Grant | Statement, _GrantOrStatement()]
