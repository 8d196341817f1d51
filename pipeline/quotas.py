"""AWS's limits that more than one place holds something against, each with its source. Imports nothing.

Lambda's are from docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html as of October 2026. Limits that only
one rule knows stand beside that rule.
"""

from __future__ import annotations

MB = 1024 * 1024

TIMEOUT_S = 900
"""How long an invocation may take."""

SYNC_BYTES = 6 * MB
"""Of a synchronous request, and of its answer."""

ANSWER_BYTES = 6_291_556
"""Where Lambda refuses an answer, by its own message: 100 bytes above `SYNC_BYTES`."""

ASYNC_BYTES = 1 * MB
"""Of an event that is handed over; 256 KB until October 2025."""

STREAMED_BYTES = 200 * MB
"""Of a streamed answer (function URL, InvokeWithResponseStream); 20 MB until July 2025. After its first 6 MB AWS
slows it to 2 MB/s (docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html), not emulated."""

GATEWAY_S = 29
"""What a caller behind API Gateway can wait for. A REST API gives up after 29 s unless more was granted, an HTTP API
after 30 s (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html): below 29 s both answer."""

HTTP_API_MS = 30_000
"""The longest timeout an HTTP API's integration can have, and the one it has where none is said."""

VCPU_MB = 1769
"""The memory that comes with one whole processor; below it there is a share of one, in proportion
(docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""

MEMORY_MB = (128, 10_240)
"""The least and the most memory of a function."""
