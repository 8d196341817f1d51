"""An answer's head leaves with the first piece of its body; hypercorn writes the two apart.

Go's AWS SDK (Terraform, AWS's own tools) ends the request as soon as it has a head. Where its writer is not done by
then it closes the connection, and a body that is still on its way is lost: the SDK asks again, and something is made
twice. AWS's own answers of this size come in one piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h11
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H11Protocol

from pipeline.local.patching import Patch, replace, require_source

_HELD = "_crabwalk_head"


def apply() -> list[Patch]:
    require_source(H11Protocol, "_send_h11_event", "data = self.connection.send(event)")

    def sending(_: Callable[..., Any]) -> Callable[..., Any]:
        async def send(protocol: Any, event: Any) -> None:
            try:
                data = protocol.connection.send(event)
            except h11.LocalProtocolError:
                if protocol.connection.their_state != h11.ERROR:
                    raise
                return
            if isinstance(event, h11.Response) and any(name == b"content-length" for name, _ in event.headers):
                setattr(protocol, _HELD, data)  # its end comes in any case, also where there is no body
                return
            await protocol.send(RawData(data=vars(protocol).pop(_HELD, b"") + data))

        return send

    return [replace(H11Protocol, "_send_h11_event", "self event", "wrote head and body apart", sending)]
