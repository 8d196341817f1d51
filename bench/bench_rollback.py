"""A rollback as a whole process, beside the AWS CLI, a boto3 script and the floor; interleaved, in one run, medians.

    python bench/bench_rollback.py [--runs 21]

Every side reads and moves the same alias of the embedded AWS: GetAlias, UpdateAlias. The AWS CLI comes from PyPI into
a scratch environment. First with credentials from the environment, as CI has them, then with the whole chain (a
profile in ~/.aws). The project's rows also find the project file and write the record; their first figure ends when
AWS has answered UpdateAlias, the second with the process, the third with the process in an environment that has a bus.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from embedded import embedded

from pipeline.release.ledger.head import Head

FUNCTION = "shop-staging-hello"
REGION = "us-east-1"
ACCOUNT = "000000000000"
BUCKET = f"crabwalk-shop-staging-{ACCOUNT}"
CRABWALK = str(Path(sys.executable).with_name("crabwalk"))
TOLD = "crabwalk rollback hello, record and event"
TRAFFIC = "crabwalk rollback hello, until traffic is back"
TARGETS = {"environment": (0.22, 0.65), "chain": (0.25, 0.8)}

BOTO3 = f"""
import boto3
functions = boto3.client("lambda", region_name="{REGION}")
seen = functions.get_alias(FunctionName="{FUNCTION}", Name="live")
functions.update_alias(FunctionName="{FUNCTION}", Name="live", FunctionVersion="1",
                       RoutingConfig={{"AdditionalVersionWeights": {{}}}}, RevisionId=seen["RevisionId"])
"""
FLOOR = f"""
import http.client, json, os
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session
keys = Session().get_credentials().get_frozen_credentials()
base = os.environ["AWS_ENDPOINT_URL"]
line = http.client.HTTPConnection(base.removeprefix("http://"))
def call(method, body=b""):
    path = "/2015-03-31/functions/{FUNCTION}/aliases/live"
    request = AWSRequest(method=method, url=base + path, data=body)
    SigV4Auth(keys, "lambda", "{REGION}").add_auth(request)
    line.request(method, path, body, dict(request.headers.items()))
    return json.loads(line.getresponse().read())
seen = call("GET")
call("PUT", json.dumps({{"FunctionVersion": "1", "RoutingConfig": {{"AdditionalVersionWeights": {{}}}},
                         "RevisionId": seen["RevisionId"]}}).encode())
"""


class Watch:
    """Forwards every connection to the embedded AWS, and notes when an UpdateAlias was answered."""

    def __init__(self, endpoint: str) -> None:
        self._target = ("127.0.0.1", urlsplit(endpoint).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answered = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                writing = threading.Event()
                threading.Thread(target=self._pump, args=(near, far, writing, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, writing, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, writing: threading.Event, asked: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if asked and data.startswith(b"PUT /2015-03-31/functions/"):
                    writing.set()
                elif not asked and writing.is_set():
                    self.answered = time.perf_counter()
                    writing.clear()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def aws_cli(scratch: Path) -> str:
    """The AWS CLI of PyPI, in an environment of its own."""
    if found := shutil.which("aws", path=os.environ.get("BENCH_AWS_CLI", "")):
        return found
    subprocess.run([sys.executable, "-m", "venv", scratch / "cli"], check=True)
    subprocess.run([scratch / "cli/bin/pip", "install", "-q", "--disable-pip-version-check", "awscli"], check=True)
    return str(scratch / "cli/bin/aws")


def prepare(endpoint: str) -> Callable[[], None]:
    """The function with two versions and its bucket; what it returns puts version 2 back, as after a promotion."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    functions = boto3.client("lambda", endpoint_url=endpoint, **keys)
    from bench_invoke import package

    with tempfile.TemporaryDirectory() as folder:
        code = package(Path(folder))
    role = f"arn:aws:iam::{ACCOUNT}:role/bench"
    functions.create_function(
        FunctionName=FUNCTION, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": code}
    )
    for memory in (128, 256):
        functions.get_waiter("function_active_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
        functions.update_function_configuration(FunctionName=FUNCTION, MemorySize=memory)
        functions.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
        functions.publish_version(FunctionName=FUNCTION)
    functions.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="2")
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=BUCKET)
    count = 0

    def reset() -> None:
        nonlocal count
        count += 1
        head = Head("live", "20260102T030405-abc123", "2", None, 0.0, "1", "c0ffee12c0de", f"{count:016x}")
        no_weights = {"AdditionalVersionWeights": {}}
        wanted = {"FunctionName": FUNCTION, "Name": "live", "FunctionVersion": "2", "Description": str(head)}
        functions.update_alias(**wanted, RoutingConfig=no_weights)

    return reset


def seconds(command: tuple[str, ...], environ: Mapping[str, str], folder: Path) -> tuple[float, float]:
    """Wall time of one whole process, and its processor time: the one to compare where others keep the machine busy."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=dict(environ), cwd=folder, stdout=subprocess.DEVNULL)
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    with embedded() as (scratch, endpoint):
        measure(scratch, aws_cli(scratch), endpoint, runs)


def measure(scratch: Path, aws: str, endpoint: str, runs: int) -> None:
    """Both kinds of credentials, one after the other; the sides of each interleaved."""
    reset = prepare(endpoint)
    (scratch / "with_boto3.py").write_text(BOTO3)
    (scratch / "floor.py").write_text(FLOOR)
    (scratch / "crabwalk.yaml").write_text(
        f'crabwalk: 1\nproject: shop\nenvironments:\n  staging: {{account: "{ACCOUNT}", region: {REGION}}}\n'
    )
    (scratch / "told").mkdir()
    (scratch / "told" / "crabwalk.yaml").write_text(
        f"crabwalk: 1\nproject: shop\nenvironments:\n"
        f'  staging: {{account: "{ACCOUNT}", region: {REGION}, events: default}}\n'
    )
    named = f"--function-name {FUNCTION} --name live --region {REGION}"
    cli = f"{aws} lambda get-alias {named} && {aws} lambda update-alias {named} --function-version 1 --routing-config "
    sides = {
        "aws get-alias && aws update-alias": ("sh", "-c", cli + "'{\"AdditionalVersionWeights\": {}}'"),
        "a boto3 script": (sys.executable, str(scratch / "with_boto3.py")),
        "floor: session, signer, http.client": (sys.executable, str(scratch / "floor.py")),
        "crabwalk rollback --function": (CRABWALK, "rollback", "--function", FUNCTION, "--region", REGION),
        "crabwalk rollback hello, record and all": (CRABWALK, "rollback", "hello", "--env", "staging"),
        TOLD: (CRABWALK, "rollback", "hello", "--env", "staging"),
    }
    watch = Watch(endpoint)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    plain |= {"HOME": str(scratch / "home"), "XDG_STATE_HOME": str(scratch / "state"), "NO_COLOR": "1"}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    profile = scratch / "home" / ".aws"
    for kind in TARGETS:
        if kind == "chain":
            profile.mkdir(parents=True)
            (profile / "config").write_text(f"[default]\nregion = {REGION}\n")
            (profile / "credentials").write_text("[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
        spent: dict[str, list[float]] = {name: [] for name in sides}
        taken: dict[str, list[float]] = {
            name: [] for name in (*sides, "crabwalk rollback hello, until traffic is back")
        }
        for number in range(runs + 1):
            for name, command in sides.items():
                own = name.endswith(("and all", "and event"))
                environ = plain | (keys if kind == "environment" else {})
                reset()
                started = time.perf_counter()
                there = {"AWS_ENDPOINT_URL": watch.endpoint if own else endpoint}
                took, used = seconds(command, environ | there, scratch / "told" if name == TOLD else scratch)
                if number:  # the first warms
                    taken[name].append(took)
                    spent[name].append(used)
                if number and own and name != TOLD:
                    taken[TRAFFIC].append(watch.answered - started)
        report(kind, runs, taken, spent)


def report(kind: str, runs: int, taken: Mapping[str, list[float]], spent: Mapping[str, list[float]]) -> None:
    """Two tables, wall time and processor time; the ratios are to the AWS CLI and to the boto3 script."""
    of_cli, of_boto3 = TARGETS[kind]
    source = "the environment" if kind == "environment" else "a profile, by the whole chain"
    for what, figures in (("wall time", taken), ("processor time", spent)):
        print(f"credentials from {source}; medians of {runs} interleaved runs, {what}")
        medians = {name: statistics.median(values) for name, values in figures.items()}
        cli, boto = list(medians.values())[:2]
        for name, median in medians.items():
            print(f"  {name:47} {median * 1000:6.0f} ms  {median / cli:5.2f} x CLI  {median / boto:5.2f} x boto3")
        print(f"  {'target (--function)':47} {'':6}     {of_cli:5.2f} x CLI  {of_boto3:5.2f} x boto3\n", flush=True)


if __name__ == "__main__":
    main()
