"""What goes into an execution environment and what comes out of it, as values."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.errors import CrabwalkError
from pipeline.quotas import STREAMED_BYTES

PRELUDE = b"\0" * 8  # ends the head of a streamed HTTP answer
HTTP_STREAM = "application/vnd.awslambda.http-integration-response"
# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html: extensions do not see these
NOT_FOR_EXTENSIONS = frozenset(
    {
        "_HANDLER",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


@dataclass(frozen=True)
class Function:
    """What Lambda knows of a function."""

    name: str = "function"
    version: str = "$LATEST"
    handler: str = "bootstrap"
    runtime: str = "provided.al2023"
    memory: int = 128
    """MB."""
    timeout_s: float = 3.0
    region: str = "us-east-1"
    account: str = "000000000000"
    log_group: str = ""
    log_stream: str = "local"
    streamed_bytes: int = STREAMED_BYTES
    """Of a streamed answer at most."""

    @property
    def arn(self) -> str:
        """Of the function without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    def environment(self, task_root: str, own: Mapping[str, str]) -> dict[str, str]:
        """What AWS documents that a custom runtime sees; `own` are credentials and the declared variables."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": task_root,
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "_HANDLER": self.handler,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group or f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            **own,
            "AWS_SESSION_TOKEN": own.get("AWS_SESSION_TOKEN") or "embedded",  # AWS always sets one
        }


class InitError(CrabwalkError):
    """The environment did not get ready; `error_type` and the message are what the invocation answers."""

    def __init__(self, error_type: str, message: str, payload: Any = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.lines: tuple[str, ...] = ()
        """What was printed, where somebody took it."""
        self.payload = payload if payload is not None else {"errorType": error_type, "errorMessage": message}


class InitTimeoutError(InitError):
    """Init took longer than it may; Lambda starts it once more, with the function's own time."""


@dataclass(frozen=True)
class Answer:
    """How one invocation ended."""

    body: bytes
    """What the function answered, or the error's JSON; empty where it went to a stream."""
    error_type: str | None = None
    content_type: str = "application/json"
    streamed: bool = False
    """Whether the function answered in streaming mode."""
    lines: tuple[str, ...] = ()
    """What was printed meanwhile, or since the invocation before where nobody else gets those lines."""


class Stream(Protocol):
    """Where a streamed answer goes while the function still writes; it may block, and then the function waits."""

    def begin(self, content_type: str) -> None:
        """The function started to answer."""

    def write(self, piece: bytes) -> None:
        """The next bytes."""


@dataclass
class Times:
    """When things happened, by `time.perf_counter()`; None while they did not."""

    started: float | None = None
    """Just before the bootstrap was executed."""
    first_next: float | None = None
    """The runtime asked for its first event: init is over."""
    first_answer: float | None = None
    """Its first answer was there as a whole."""


@dataclass
class Invocation:
    """One event on its way through the environment."""

    event: bytes
    request_id: str
    limit_s: float
    arn: str
    trace_id: str | None
    stream: Stream | None
    deadline: float = 0.0
    """By `time.monotonic()`, once it has begun."""
    begun: float = 0.0
    """Unix time."""
    handed: float = 0.0
    """By `time.perf_counter()`."""
    first_byte: float | None = None
    answer: Answer | None = None
    produced: int = 0
    """Bytes of the answer."""

    def begin(self) -> None:
        """The function's time runs from here."""
        self.begun, self.handed = time.time(), time.perf_counter()
        self.deadline = time.monotonic() + self.limit_s

    @property
    def deadline_ms(self) -> int:
        """As the runtime and extensions get it."""
        return int((self.begun + self.limit_s) * 1000)
