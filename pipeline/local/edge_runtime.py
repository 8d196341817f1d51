"""The Runtime API's answers leave in one write: header and body apart cost 40 ms of Nagle and delayed ACK each."""

from __future__ import annotations

import http.server

from ministack.core import lambda_runtime

from pipeline.local.patching import Patch, check


def apply() -> list[Patch]:
    # MiniStack builds its handler class per environment from this base; the contract is that it still does
    patch = Patch(lambda_runtime.ProvidedWorker, "_build_handler_class", ("self", "generation", "pending"), "Nagle")
    check(patch)
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True
    http.server.BaseHTTPRequestHandler.wbufsize = -1
    return [patch]
