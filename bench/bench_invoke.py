"""Warm invocations through the embedded AWS, side by side with plain MiniStack, in one run: p50 and requests a second.

    python bench/bench_invoke.py [--seconds 5]

The function is a silent C program that speaks the Runtime API over one connection, so that what is timed is the way to
it. Both servers run on loopback in processes of their own and are asked in turns.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3

from pipeline import local

ROUNDS = 3
BOOTSTRAP = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
static char in[65536], out[1024];
static void receive(int s) {
  int have = 0; char *end;
  do { int n = read(s, in + have, sizeof in - 1 - have); if (n <= 0) exit(0); have += n; in[have] = 0; }
  while (!(end = strstr(in, "\r\n\r\n")));
  char *l = strcasestr(in, "content-length:");
  int want = (l ? atoi(l + 15) : 0) + (int)(end + 4 - in);
  while (have < want) { int n = read(s, in + have, sizeof in - 1 - have); if (n <= 0) exit(0); have += n; }
}
int main(void) {
  char *port = strchr(getenv("AWS_LAMBDA_RUNTIME_API"), ':') + 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(s, (void *)&a, sizeof a)) return 1;
  const char *next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n";
  for (;;) {
    if (write(s, next, strlen(next)) < 0) return 1;
    receive(s);
    char id[64] = {0}, *h = strcasestr(in, "lambda-runtime-aws-request-id: ");
    sscanf(h + 31, "%63[^\r]", id);
    int n = sprintf(out, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: h\r\n"
                         "Content-Length: 2\r\n\r\n{}", id);
    if (write(s, out, n) < 0) return 1;
    receive(s);
  }
}
"""


def package(directory: Path) -> bytes:
    source, binary = directory / "bootstrap.c", directory / "bootstrap"
    source.write_text(BOOTSTRAP)
    subprocess.run(["cc", "-D_GNU_SOURCE", "-w", "-O2", "-o", binary, source], check=True)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o100755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, binary.read_bytes())
    return buffer.getvalue()


def plain(directory: Path, port: int) -> subprocess.Popen[bytes]:
    """MiniStack as it comes."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(directory)}
    environment |= {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "DOCKER_HOST": "unix:///nonexistent"}
    environment |= {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "ministack"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/_ministack/health")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    raise SystemExit("plain MiniStack did not start")


def deploy(endpoint: str, code: bytes) -> None:
    """Alias `live` on version 1 of one function."""
    keys: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    functions = boto3.client("lambda", endpoint_url=endpoint, **keys)
    functions.create_function(
        FunctionName="bench",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::000000000000:role/bench",
        Code={"ZipFile": code},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="bench", WaiterConfig={"Delay": 0.1})
    functions.publish_version(FunctionName="bench")
    functions.create_alias(FunctionName="bench", Name="live", FunctionVersion="1")


def load(endpoint: str, clients: int, seconds: float) -> tuple[float, float]:
    """(p50 in ms, requests a second) of direct invocations through the alias, plain http.client on kept connections."""
    durations: list[float] = []
    deadline = time.monotonic() + seconds

    def drive() -> None:
        connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
        while time.monotonic() < deadline:
            begun = time.perf_counter()
            connection.request("POST", "/2015-03-31/functions/bench/invocations?Qualifier=live", b"{}")
            answer = connection.getresponse()
            if answer.read() != b"{}":
                raise SystemExit(f"{endpoint} answered {answer.status}")
            durations.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=drive) for _ in range(clients)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.median(durations) * 1000, len(durations) / (time.monotonic() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        code = package(directory)
        os.environ["CRABWALK_LOCAL_DIR"] = str(directory / "crabwalk")
        ours = local.up()
        other = plain(directory, int(ours.endpoint.rsplit(":", 1)[1]) + 1)
        endpoints = {"plain MiniStack": f"http://127.0.0.1:{int(ours.endpoint.rsplit(':', 1)[1]) + 1}"}
        endpoints["embedded AWS"] = ours.endpoint
        try:
            for endpoint in endpoints.values():
                deploy(endpoint, code)
                load(endpoint, 8, 1.0)  # every environment warm
            report(endpoints, seconds)
        finally:
            other.terminate()
            other.wait()
            local.down()


def report(endpoints: dict[str, str], seconds: float) -> None:
    for clients in (1, 8):
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in endpoints}
        for _ in range(ROUNDS):
            for name, endpoint in endpoints.items():
                found[name].append(load(endpoint, clients, seconds))
        medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in found.items()}  # noqa: B905
        print(f"{clients} client{'s' if clients > 1 else ''}, median of {ROUNDS} interleaved rounds of {seconds:g} s")
        for name, (p50, rate) in medians.items():
            print(f"  {name:<16} p50 {p50:6.1f} ms   {rate:6.0f} requests/s")
        (slow, few), (fast, many) = medians.values()
        print(f"  ratio            p50 {fast / slow:6.3f}      {many / few:6.1f} x\n")


if __name__ == "__main__":
    main()
