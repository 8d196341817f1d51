"""Calls over one connection: botocore's signer and credentials, but no client of botocore's.

For `rollback`, where a client's 100 ms of start-up are traffic on a bad version. The connection is opened while
botocore is still being imported. Whatever is unusual (a proxy, an endpoint or certificates named in ~/.aws/config,
FIPS, dual stack, a partition without a known name) is left to botocore's own client, which knows it all.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pipeline import __version__
from pipeline.aws import CONNECT_TIMEOUT_S, READ_TIMEOUT_S

# Regions by partition, as botocore's partitions.json has them, and the suffix of the partition's endpoints.
PARTITIONS = (
    (re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]+"), "amazonaws.com"),
    (re.compile(r"us-gov-[a-z]+-[0-9]+"), "amazonaws.com"),
    (re.compile(r"cn-[a-z]+-[0-9]+"), "amazonaws.com.cn"),
)
# What a service is called in addresses and signatures, and in the variable that names another address for it.
SERVICES = {"lambda": "LAMBDA", "events": "EVENTBRIDGE"}
NO_HEADERS: Mapping[str, str] = {}
UNUSUAL = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
UNUSUAL_SETTINGS = frozenset({"endpoint_url", "services", "ca_bundle", "use_fips_endpoint", "use_dualstack_endpoint"})


class Keys(NamedTuple):
    """Credentials in the form botocore's signer reads."""

    access_key: str
    secret_key: str
    token: str | None = None


@dataclass(frozen=True)
class Target:
    """Where a service answers; `ca_bundle` None = botocore's own certificates."""

    url: str
    region: str
    ca_bundle: str | None = None


def dialled(
    service: str, region: str, endpoint: str | None, credentials: tuple[str, str] | None
) -> tuple[Line, Keys] | None:
    """A connection to a service that is being opened, and who calls; None where that is better left to botocore.

    `credentials` are static ones (the embedded AWS): nothing of the machine's AWS settings is looked at then.
    """
    target = plain_target(region, endpoint, credentials, os.environ, service)
    if target is None:
        return None
    line = Line(target)
    line.dial()
    keys = Keys(*credentials) if credentials else environment_keys(os.environ) or _chain_keys()
    if keys is None:
        line.abandon()
        return None
    return line, keys


def plain_target(
    region: str,
    endpoint: str | None,
    credentials: tuple[str, str] | None,
    environ: Mapping[str, str],
    service: str,
) -> Target | None:
    """Where to connect to, None when something in the environment is better left to botocore."""
    if credentials is not None and endpoint is not None:
        return Target(endpoint, region)
    if any(environ.get(name) for name in UNUSUAL):
        return None
    named = environ.get(f"AWS_ENDPOINT_URL_{SERVICES[service]}") or environ.get("AWS_ENDPOINT_URL")
    url = endpoint or named or _standard_url(service, region)
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        return None
    if any(environ.get(name) for name in (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY")):
        return None  # also where NO_PROXY excepts the host: that is botocore's to judge
    return Target(url.rstrip("/"), region, environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE"))


def environment_keys(environ: Mapping[str, str]) -> Keys | None:
    """The environment's credentials where they are all there is to know, as in CI; None: botocore has to look."""
    if any(environ.get(name) for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION")):
        return None
    if os.path.exists(os.path.expanduser(environ.get("AWS_CONFIG_FILE") or "~/.aws/config")):  # noqa: PTH110, PTH111 - pathlib is an import
        return None
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    return Keys(access, secret, environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN") or None)


def _standard_url(service: str, region: str) -> str | None:
    suffix = next((suffix for form, suffix in PARTITIONS if form.fullmatch(region)), None)
    return f"https://{service}.{region}.{suffix}" if suffix else None


def _chain_keys() -> Keys | None:
    """What botocore's chain finds: profiles, SSO, web identities, containers, instances. None: its client shall say."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        if UNUSUAL_SETTINGS & set(session.get_scoped_config()):
            return None
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
    except BotoCoreError:
        return None
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        return None
    return Keys(frozen.access_key, frozen.secret_key, frozen.token)


class Line(http.client.HTTPConnection):
    """One connection to AWS, with its certificate checked where it is https; `dial` opens it ahead of its use."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        self._tls = parts.scheme == "https"
        super().__init__(str(parts.hostname), parts.port or (443 if self._tls else 80), timeout=CONNECT_TIMEOUT_S)
        self.target = target
        self._dialled: threading.Thread | None = None
        self._failed: OSError | None = None
        self._unwanted = False

    def dial(self) -> None:
        """Begin to connect; what goes wrong is told by `connect`."""
        self._dialled = threading.Thread(target=self._dial, daemon=True)
        self._dialled.start()

    def _dial(self) -> None:
        try:
            self._open()
        except OSError as error:
            self._failed = error
        if self._unwanted:
            self.close()

    def abandon(self) -> None:
        """Never mind: whatever was begun is closed, and nobody waits for it."""
        self._unwanted = True
        self.close()

    def connect(self) -> None:
        """Wait for what was begun, and connect now where there is no connection."""
        if self._dialled is not None:
            self._dialled.join()
            failed, self._dialled, self._failed = self._failed, None, None
            if failed is not None:
                raise failed
        if self.sock is None:
            self._open()

    def _open(self) -> None:
        # As bytes: for a str the socket module imports the whole of IDNA, which AWS's names do not need.
        host: Any = self.host.encode("ascii")
        made = socket.create_connection((host, self.port), timeout=CONNECT_TIMEOUT_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            made = self._context().wrap_socket(made, server_hostname=host)
        made.settimeout(READ_TIMEOUT_S)
        self.sock = made

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.target.ca_bundle or _certificates())


def _certificates() -> str:
    """The certificates botocore would take."""
    try:
        from certifi import where
    except ImportError:
        import botocore

        return os.path.join(os.path.dirname(botocore.__file__), "cacert.pem")  # noqa: PTH118, PTH120
    return str(where())


class Signed:
    """Signed calls over one connection; each is one attempt."""

    service: str

    def __init__(self, line: Line, keys: Keys) -> None:
        self._line = line
        self._keys: Any = keys  # the signer reads three attributes of what botocore calls Credentials

    def close(self) -> None:
        """Close the connection."""
        self._line.abandon()

    def call(
        self, operation: str, method: str, path: str, body: bytes = b"", more: Mapping[str, str] = NO_HEADERS
    ) -> dict[str, Any]:
        """One signed call with `more` headers; raises what botocore's client would."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import ClientError

        url = self._line.target.url + path
        content = {"Content-Type": "application/json"} if body else {}
        headers = {"User-Agent": f"crabwalk/{__version__}", **content, **more}
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        SigV4Auth(self._keys, self.service, self._line.target.region).add_auth(request)
        with self._troubles(url):
            self._line.connect()  # apart from the request: what fails here was never sent
            with self._lost(url):
                self._line.request(method, path, body or None, dict(request.headers.items()))
                answer = self._line.getresponse()
                status, said = answer.status, answer.read()
        parsed = _json(said)
        if status < 300:
            return parsed
        code, message = _error(status, answer.headers.get("x-amzn-errortype"), parsed)
        details: Any = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        raise ClientError(details, operation)

    @contextmanager
    def _troubles(self, url: str) -> Iterator[None]:
        """Before the request was sent: nothing can have happened."""
        from botocore.exceptions import BotoCoreError, ConnectTimeoutError, EndpointConnectionError, SSLError

        try:
            yield
        except BotoCoreError:
            self._line.close()
            raise
        except TimeoutError as error:
            self._line.close()
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except ssl.SSLError as error:
            self._line.close()
            raise SSLError(endpoint_url=url, error=error) from error
        except OSError as error:
            self._line.close()
            raise EndpointConnectionError(endpoint_url=url, error=error) from error

    @contextmanager
    def _lost(self, url: str) -> Iterator[None]:
        """Once it is being sent: it may have arrived."""
        from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

        try:
            yield
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from error


def _json(said: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(said)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _error(status: int, named: str | None, parsed: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message as botocore reads them: `Code:http://…` and `prefix#Code` are cut to the code."""
    code = str(named or parsed.get("__type") or parsed.get("code") or status).split(":", 1)[0].rsplit("#", 1)[-1]
    message = parsed.get("message") or parsed.get("Message") or http.client.responses.get(status, "")
    return code, str(message)
