"""The triggers people and browsers reach a function by: an HTTP API's routes, or the function's own URL."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.manifest import forms, rules, units
from pipeline.manifest.models_base import GIVEN, LISTED, Kinded, Model, Texts
from pipeline.manifest.rules import fault

_HOST = r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
_ORIGIN = rules.matches(
    r"\*|https?://(?:\*\.)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?",
    "an origin",
    "write for example `https://example.org`, without a path, or `*`",
    examples=("https://example.org",),
)
_HEADER = rules.matches(
    r"\*|[A-Za-z0-9-]{1,256}", "a header's name", "letters, digits and -", examples=("content-type",)
)


class Cors(Model):
    """Which pages of other origins may call; without it browsers refuse them all."""

    origins: Annotated[tuple[Annotated[str, _ORIGIN], ...], LISTED, rules.listed(1, 100, "origins")]
    """Who may call: `https://example.org`, or `*` for everybody."""

    methods: Annotated[
        tuple[Literal["*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], ...],
        LISTED,
        rules.listed(0, 8, "methods"),
    ] = ()
    """Methods a page may use."""

    headers: Annotated[tuple[Annotated[str, _HEADER], ...], LISTED, rules.listed(0, 100, "headers")] = ()
    """Request headers a page may send."""

    expose: Annotated[tuple[Annotated[str, _HEADER], ...], LISTED, rules.listed(0, 100, "headers")] = ()
    """Response headers a page may read."""

    credentials: bool = False
    """Whether cookies and Authorization may be sent; AWS refuses it together with the origin `*`."""

    max_age_s: Annotated[
        int,
        *rules.quantity(
            units.whole_seconds, "1 h", of=units.TIMES, within=rules.between(0, 86_400, "0 s to 24 h", "s")
        ),
    ] = Field(default=0, validation_alias="max_age")
    """How long a browser may remember the answer to its question, 0 s to 24 h."""

    @model_validator(mode="after")
    def _credentials_need_origins(self) -> Cors:
        if self.credentials and "*" in self.origins:
            what = "credentials cannot be allowed to the origin `*`"
            raise fault(what, "name the origins", at=("credentials",), because=(("origins",),))
        return self


class Throttle(Model):
    """How many requests each route takes; more are answered with 429."""

    rate: Annotated[int, rules.count(1, 10_000, "requests a second")]
    """Requests a second that go on for long."""

    burst: Annotated[int, rules.count(1, 5_000, "requests")]
    """Requests at once."""


class Authorizer(Model):
    """Lets only requests pass that carry a JWT of this issuer in `Authorization`."""

    issuer: Annotated[
        str,
        rules.matches(
            r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?",
            "an issuer",
            "write its https URL",
            examples=("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",),
        ),
    ]
    """The `iss` of the tokens; its keys are found below it by OpenID Connect."""

    audience: Annotated[Texts, rules.listed(1, 50, "audiences")]
    """Accepted values of `aud` (or `client_id`)."""

    scopes: Annotated[Texts, rules.listed(0, 10, "scopes")] = ()
    """Scopes of which a token must have one."""


class Domain(Model):
    """An own name for the API."""

    name: Annotated[str, rules.matches(_HOST, "a host's name", "write for example `api.example.org`")]
    """The name clients use."""

    certificate: Annotated[str, forms.arn("certificate", "an ARN of a certificate")]
    """The ACM certificate for it, in the environment's region."""

    zone: Annotated[
        str | None,
        GIVEN,
        rules.Rule(lambda value: value if value is None else _ZONE.check(value), {"pattern": "^Z[A-Z0-9]{1,31}$"}),
    ] = None
    """The Route 53 zone in which the name is made; without it, somebody else points the name at the API."""


_ZONE = rules.matches(r"Z[A-Z0-9]{1,31}", "a hosted zone's id", "write for example `Z0123456789ABCDEFGHIJ`")


class HttpTrigger(Kinded):
    """Routes of the service's HTTP API (API Gateway v2): `GET /`, `ANY /{proxy+}` or `$default`."""

    kind: ClassVar[Literal["http"]] = "http"
    example: ClassVar[str] = 'routes: ["GET /"]'

    routes: Annotated[
        tuple[Annotated[str, forms.route], ...],
        LISTED,
        rules.listed(1, 300, "routes"),
    ]
    """Method and path each; `{name}` is one part of the path, `{name+}` all that is left, `$default` everything."""

    cors: Annotated[Cors | None, GIVEN] = None
    """Which pages of other origins may call."""

    throttle: Annotated[Throttle | None, GIVEN] = None
    """How many requests are let through."""

    authorizer: Annotated[Authorizer | None, GIVEN] = None
    """Who may call, by JWT."""

    domain: Annotated[Domain | None, GIVEN] = None
    """An own name for the API."""


class FunctionUrlTrigger(Kinded):
    """The function's own HTTPS address; answers may take 15 minutes and be streamed."""

    kind: ClassVar[Literal["function-url"]] = "function-url"

    auth: Literal["iam", "none"] = "iam"
    """`iam`: requests are signed by an AWS identity; `none`: anybody may call."""

    stream: bool = False
    """Whether answers are streamed as they are written (RESPONSE_STREAM), up to 200 MB instead of 6 MB."""

    cors: Annotated[Cors | None, GIVEN] = None
    """Which pages of other origins may call; Lambda answers OPTIONS itself."""

    @model_validator(mode="after")
    def _no_options(self) -> FunctionUrlTrigger:
        if self.cors is not None and "OPTIONS" in self.cors.methods:
            at = ("cors", "methods", self.cors.methods.index("OPTIONS"))
            raise fault("a function URL answers OPTIONS itself", "remove it", at=at)
        return self
