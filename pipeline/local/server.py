"""The embedded AWS's process: `python -m pipeline.local.server DATA_DIR LISTENER_FD PORT [SEED]`.

Settles MiniStack's environment before its first import, applies the edge, serves on the socket it was handed. A clean
end saves the state; however it ends, no function process outlives it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any, cast

from pipeline.errors import CrabwalkError


def settle_environment(data_dir: Path, port: int) -> None:
    """MiniStack reads all of this at import."""
    tmp = data_dir / "tmp"
    tmp.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        GATEWAY_PORT=str(port),
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        MINISTACK_REGION="us-east-1",
        MINISTACK_HOST="localhost",
        PERSIST_STATE="1",
        STATE_DIR=str(data_dir / "state"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(data_dir / "s3"),
        DOCKER_HOST="unix:///nonexistent",  # MiniStack would remove containers of others
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",  # opens a fixed port
        SFN_WAIT_SCALE="1",
        LOG_LEVEL="WARNING",
        TMPDIR=str(tmp),
    )


async def serve(listener_fd: int) -> None:
    import hypercorn.asyncio
    from hypercorn.config import Config

    from pipeline.local.edge import patches

    config = Config()
    config.bind = [f"fd://{listener_fd}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.3
    config.loglevel = "WARNING"
    config.backlog = 512
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await hypercorn.asyncio.serve(cast("Any", patches.application()), config, shutdown_trigger=stop.wait)


def main(arguments: list[str]) -> int:
    data_dir, listener_fd, port = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    settle_environment(data_dir, port)
    try:
        from pipeline.local.edge import patches

        patches.apply(random.Random(int(arguments[3])) if len(arguments) > 3 else random.Random())  # noqa: S311
        patches.restore(data_dir)
    except CrabwalkError as fault:
        sys.stderr.write(f"{fault.what}\n{fault.hint or ''}\n")
        return fault.exit_code
    try:
        asyncio.run(serve(listener_fd))
    finally:
        patches.close(data_dir)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # MiniStack's worker threads are not all daemons
