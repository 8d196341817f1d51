"""The typed form of a service's manifest: frozen pydantic models. No files are read here, no rule is written here.

Built from YAML (units required, see `rules.FROM_YAML`) or directly by field name with plain numbers. The text under
each field is what editors and docs show of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, model_validator

from pipeline.manifest import forms, rules, units
from pipeline.manifest.models_access import Access, Grant, Statement
from pipeline.manifest.models_base import FROZEN, GIVEN, LISTED, Frozen, Model, Name
from pipeline.manifest.models_checks import Checks, Latency, Limit
from pipeline.manifest.models_http import FunctionUrlTrigger, HttpTrigger
from pipeline.manifest.models_net import SafetyNet
from pipeline.manifest.models_release import Release, Step
from pipeline.manifest.models_resources import Resource
from pipeline.manifest.models_times import Quiet
from pipeline.manifest.models_triggers import Trigger
from pipeline.manifest.rules import fault
from pipeline.quotas import MEMORY_MB, TIMEOUT_S

__all__ = [
    "Budget",
    "Checks",
    "Concurrency",
    "FunctionUrlTrigger",
    "Grant",
    "HttpTrigger",
    "Latency",
    "Limit",
    "Manifest",
    "Quiet",
    "Release",
    "SafetyNet",
    "Service",
    "Statement",
    "Step",
    "Variables",
    "Vpc",
]

Variables = Frozen[str]

_CargoName = Annotated[
    str, rules.matches(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "a name of cargo's", "letters, digits, - and _")
]
_Feature = Annotated[
    str,
    rules.matches(
        r"[A-Za-z0-9_][A-Za-z0-9_+.-]{0,63}(?:/[A-Za-z0-9_][A-Za-z0-9_+.-]{0,63})?",
        "a feature's name",
        "letters, digits, _ - + and .",
    ),
]
_VariableName = Annotated[str, forms.variable_name]
_DICT = PlainSerializer(dict)
_FILE_SIZE = rules.quantity(
    units.bytes_, "10 MB", of=units.BYTES, within=rules.between(1_000, 250_000_000, "1 kB to 250 MB", "bytes")
)


class Concurrency(Model):
    """How many invocations may, and how many can at once, run side by side."""

    reserved: Annotated[Annotated[int, rules.count(0, 1_000_000, "invocations")] | None, GIVEN] = None
    """Invocations at once at most, taken from the account's share; 0 stops the function."""

    provisioned: Annotated[Annotated[int, rules.count(1, 1_000_000, "invocations")] | None, GIVEN] = None
    """Instances that are always started, on the alias, which cannot split traffic then: `release: {steps: []}`."""

    @model_validator(mode="after")
    def _within_the_reserved(self) -> Concurrency:
        if self.reserved is not None and self.provisioned is not None and self.provisioned > self.reserved:
            what = f"{self.provisioned} provisioned are more than the {self.reserved} reserved"
            raise fault(what, "raise `reserved` or lower `provisioned`", at=("provisioned",), because=(("reserved",),))
        return self


class Vpc(Model):
    """The network the function runs in; without it, AWS's own, with the internet."""

    subnets: Annotated[
        tuple[
            Annotated[
                str,
                rules.matches(
                    r"subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})",
                    "a subnet's id",
                    "write for example `subnet-0123456789abcdef0`",
                ),
            ],
            ...,
        ],
        LISTED,
        rules.listed(1, 16, "subnets"),
    ]
    """Subnets, best of two zones or more; at most 16."""

    security_groups: Annotated[
        tuple[
            Annotated[
                str,
                rules.matches(
                    r"sg-(?:[0-9a-f]{8}|[0-9a-f]{17})",
                    "a security group's id",
                    "write for example `sg-0123456789abcdef0`",
                ),
            ],
            ...,
        ],
        LISTED,
        rules.listed(1, 5, "security groups"),
    ]
    """Security groups; at most 5."""


class Budget(Model):
    """How large the zip may become; a megabyte is a million bytes here."""

    warn_bytes: Annotated[int, *_FILE_SIZE] = Field(default=10_000_000, validation_alias="warn")
    """A larger zip is said."""

    fail_bytes: Annotated[int, *_FILE_SIZE] = Field(default=50_000_000, validation_alias="fail")
    """A larger zip fails the build. Lambda itself takes 50 MB directly and 250 MB unpacked."""

    @model_validator(mode="after")
    def _warns_first(self) -> Budget:
        if self.warn_bytes > self.fail_bytes:
            raise fault("`warn` is larger than `fail`", "warn at less", at=("warn",), because=(("fail",),))
        return self


class Manifest(Model):
    """What a service's YAML says, an environment's overlay applied."""

    name: Name
    """The service's name, in the project unique; part of the function's name `PROJECT-ENVIRONMENT-NAME`."""

    description: Annotated[
        str, rules.matches(r"[^\x00-\x1f]{0,256}", "a description", "one line of up to 256 characters")
    ] = ""
    """What the service is for, in one line; Lambda shows it."""

    kind: Literal["function", "extension"] = "function"
    """`extension`: a Lambda Extension, packed as a layer for functions that list it in `extensions`."""

    package: _CargoName = Field(default_factory=lambda data: data.get("name", ""))
    """The cargo package; the manifest lies beside its Cargo.toml. Default: `name`."""

    binary: _CargoName = Field(default_factory=lambda data: data.get("package", ""))
    """The package's binary that is released. Default: `package`."""

    features: Annotated[tuple[_Feature, ...], LISTED, rules.listed(0, 100, "features")] = ()
    """Cargo features the binary is built with, besides the default ones."""

    architecture: Literal["arm64", "x86_64"] = "arm64"
    """The processor; `host` (this machine's) is possible in `overlays.local`."""

    target: Annotated[str, forms.target] = "musl"
    """`musl`: static, runs everywhere. `gnu`: linked to the runtime's glibc; `gnu.2.28`: to an older one."""

    runtime: Literal["provided.al2023", "provided.al2"] = "provided.al2023"
    """Lambda's operating system: Amazon Linux 2023 (glibc 2.34) or 2 (glibc 2.26)."""

    inputs: Annotated[
        tuple[Annotated[str, rules.relative("project", "proto")], ...], LISTED, rules.listed(0, 100, "inputs")
    ] = ()
    """Files and folders the build reads besides its packages (build.rs, include_str!), relative to the project."""

    memory_mb: Annotated[
        int,
        *rules.quantity(
            units.megabytes, "128 MB", of=units.SIZES, within=rules.between(*MEMORY_MB, "128 MB to 10,240 MB", "MB")
        ),
    ] = Field(default=128, validation_alias="memory")
    """Memory, and with it the share of processors; 128 MB to 10,240 MB."""

    ephemeral_storage_mb: Annotated[
        int,
        *rules.quantity(
            units.megabytes, "512 MB", of=units.SIZES, within=rules.between(512, 10_240, "512 MB to 10,240 MB", "MB")
        ),
    ] = Field(default=512, validation_alias="ephemeral_storage")
    """Space in /tmp; 512 MB to 10,240 MB."""

    timeout_s: Annotated[
        int,
        *rules.quantity(
            units.whole_seconds, "3 s", of=units.TIMES, within=rules.between(1, TIMEOUT_S, "1 s to 900 s (15 min)", "s")
        ),
    ] = Field(default=3, validation_alias="timeout")
    """How long an invocation may take; 1 s to 900 s. API Gateway gives up after 29 s."""

    environment: Annotated[Mapping[_VariableName, str], FROZEN, _DICT] = Variables({})
    """Environment variables, with the secrets' 4 KB together; `${services.todos.table.name}` is another's output."""

    secrets: Annotated[Mapping[_VariableName, Annotated[str, forms.secret]], FROZEN, _DICT] = Variables({})
    """Secrets Manager secrets, by name or ARN, never by value: the variable holds the ARN, and may be read."""

    concurrency: Concurrency = Concurrency.model_construct()
    """Reserved and provisioned concurrency."""

    tracing: bool = False
    """Whether X-Ray traces requests."""

    layers: Annotated[
        tuple[Annotated[str, forms.arn("layer", "an ARN of a layer's version")], ...],
        LISTED,
        rules.listed(0, 5, "layers"),
    ] = ()
    """Layers by the ARN of their version; with `extensions` 5 at most."""

    extensions: Annotated[tuple[Name, ...], LISTED, rules.listed(0, 5, "extensions")] = ()
    """Services of this project with `kind: extension` that run beside the function."""

    vpc: Annotated[Vpc | None, GIVEN] = None
    """The network the function runs in."""

    dead_letter: Annotated[Annotated[str, forms.dead_letter] | None, GIVEN] = None
    """Where events go that failed too often when invoked asynchronously: a queue or topic."""

    kms_key: Annotated[Annotated[str, forms.arn("kms", "an ARN of a KMS key")] | None, GIVEN] = None
    """The KMS key that encrypts the environment variables; without it, Lambda's own."""

    log_retention_days: Annotated[int, rules.unit(units.days, "7 days", of=units.TIMES), forms.retention] = Field(
        default=14, validation_alias="log_retention"
    )
    """How long CloudWatch keeps the logs; one of the lengths it offers."""

    tags: Annotated[
        Mapping[Annotated[str, forms.tag_key, forms.tag_key_own], Annotated[str, forms.tag_value]],
        forms.tags,
        FROZEN,
        _DICT,
    ] = Variables({})
    """Tags of everything the service has at AWS, beside crabwalk's own three."""

    stack: Name = Field(default_factory=lambda data: data.get("name", ""))
    """The unit of Terraform; services that name one stack are applied together. Default: the project's, else `name`."""

    budget: Budget = Budget.model_construct()
    """How large the zip may become."""

    dashboard: bool = False
    """Whether there is a CloudWatch dashboard that shows both versions side by side."""

    resources: Annotated[Mapping[Annotated[Name, forms.resource_name], Resource], FROZEN, _DICT] = Frozen[Resource]({})
    """What the service owns, by a name of its own: tables, queues, buckets, buses, secrets."""

    triggers: Annotated[tuple[Trigger, ...], LISTED, rules.listed(0, 50, "triggers")] = ()
    """What invokes the function."""

    access: Annotated[tuple[Access, ...], LISTED, rules.listed(0, 100, "entries")] = ()
    """What the function may touch, by resource."""

    release: Release = Release.model_construct()
    """How a new version is walked onto live traffic."""

    @property
    def glibc(self) -> str | None:
        """The glibc a binary may need; None for musl, which needs none."""
        if self.target == "musl":
            return None
        return self.target.partition(".")[2] or forms.GLIBC[self.runtime]


class Service(Manifest):
    """A manifest and where it lies; what every later stage takes."""

    directory: Path
    file: Path
