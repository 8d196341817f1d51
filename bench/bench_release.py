"""A change of code alone, and one of configuration alone, from the commit to all traffic; beside what people use today.

    python bench/bench_release.py [--runs 9]

Everybody releases the same two zips in turn, to functions of their own on one embedded AWS, interleaved in one run,
whole processes; medians. The artifacts are built beforehand, because what is measured is the release. Behind `deploy`
are the ledger, the lease, the smoke check, the settled function and its published version; `cargo lambda deploy` waits
for nothing. The AWS CLI comes from PyPI into a scratch environment.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))

from bench_rollback import aws_cli
from embedded import embedded
from shop_kit import HELLO, REPOSITORY, Scratch

from pipeline.aws import client, subprocess_environment
from pipeline.cli.demo import GOOD
from pipeline.infra import provider
from pipeline.infra.root import LOCK
from pipeline.infra.terraform import find_binary
from pipeline.manifest.environments import Environment
from pipeline.release.walk.act import Engine

ROLE = "arn:aws:iam::000000000000:role/bench"
TARGETS = {"terraform apply": 1 / 12, "boto3, its own waiter": 0.8}

BOTO3 = """
import boto3, sys, time
function, bucket, key, wait = sys.argv[1:]
client = boto3.client("lambda")
client.update_function_code(FunctionName=function, S3Bucket=bucket, S3Key=key)
if wait == "waiter":
    client.get_waiter("function_updated_v2").wait(FunctionName=function)
else:
    while client.get_function_configuration(FunctionName=function)["LastUpdateStatus"] != "Successful":
        time.sleep(0.05)
version = client.publish_version(FunctionName=function)["Version"]
client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)
"""
TERRAFORM = """
variable "key" { type = string }
variable "memory" { type = number }
resource "aws_lambda_function" "this" {
  function_name = "bench-terraform"
  role          = "ROLE"
  handler       = "bootstrap"
  runtime       = "provided.al2023"
  memory_size   = var.memory
  s3_bucket     = "BUCKET"
  s3_key        = var.key
  publish       = true
}
resource "aws_lambda_alias" "this" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}
"""


class Bench:
    """A released service of crabwalk's, and a function for each of the others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shop = Scratch.make(folder / "repository", "bench")
        self.env: Environment = self.shop.env
        self.keys: list[str] = []
        self.turn = 0
        self.environ = {**os.environ, **subprocess_environment(self.env), "AWS_DEFAULT_REGION": self.env.region}

    def prepare(self) -> None:
        """Build and release both zips once, so that both are known."""
        self.walk(memory="128 MB")
        self.shop.start("bootstrap", "local").end(300)
        for _ in range(2):
            self.commit_code()
            done = self.shop.start("deploy", "hello", "--env", "local").end(900)
            promoted = Engine(self.env).ledger.service("hello").promoted
            if promoted is None or done.code:
                sys.exit(done.said)
            self.keys.append(f"artifacts/{promoted.artifact}.zip")
        functions = client(self.env, "lambda")
        code = {"S3Bucket": self.env.bucket, "S3Key": self.keys[0]}
        for name in ("bench-cli", "bench-waiter", "bench-polled", "bench-cargo"):
            functions.create_function(
                FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=ROLE, Code=code
            )
            functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        self._terraform_root()

    def _terraform_root(self) -> None:
        root = self.folder / "terraform"
        root.mkdir()
        text = TERRAFORM.replace("ROLE", ROLE).replace("BUCKET", self.env.bucket)
        (root / "main.tf").write_text(text + 'provider "aws" {\n  s3_use_path_style = true\n}\n')
        lock = (REPOSITORY / "modules" / LOCK).read_bytes()
        (root / LOCK).write_bytes(lock)
        self.environ = provider.configure(self.environ, root, lock)
        self.terraform = find_binary(self.environ)
        subprocess.run(
            [self.terraform, "init", "-input=false"], cwd=root, env=self.environ, check=True, stdout=subprocess.DEVNULL
        )
        self.run(self.apply(), root)

    def walk(self, memory: str) -> None:
        """All traffic at once: what bakes costs everybody the same."""
        self.shop.walk_in("hello", "")
        text = self.shop.read("services/hello/service.yaml")
        lines = [f"memory: {memory}" if line.startswith("memory:") else line for line in text.splitlines()]
        self.shop.write("services/hello/service.yaml", "\n".join(lines) + "\n")

    def commit_code(self) -> None:
        """The other of two versions of the source."""
        self.turn += 1
        plain = (REPOSITORY / HELLO).read_text()
        self.shop.write(HELLO, plain.replace(*GOOD) if self.turn % 2 else plain)
        self.shop.commit(f"hello {self.turn}")

    @property
    def key(self) -> str:
        """The zip of this turn."""
        return self.keys[(self.turn + 1) % 2]

    def apply(self, memory: int = 128) -> list[str]:
        key = self.keys[0] if not self.turn else self.key
        return [
            self.terraform, "apply", "-input=false", "-auto-approve", "-no-color", f"-var=key={key}",
            f"-var=memory={memory}",
        ]  # fmt: skip

    def run(self, command: list[str], folder: Path) -> float:
        """Seconds of one whole process."""
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=self.environ, capture_output=True, text=True, check=False)
        took = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return took

    def deploy(self) -> float:
        """Seconds of one `crabwalk deploy`."""
        started = time.perf_counter()
        done = self.shop.start("deploy", "hello", "--env", "local").end(300)
        took = time.perf_counter() - started
        if done.code or "promoted" not in done.out:
            sys.exit(done.said)
        return took


def code_sides(bench: Bench, aws: str) -> Mapping[str, Callable[[], float]]:
    """Each releases the zip of this turn."""
    root, script = bench.folder / "terraform", bench.folder / "release.py"
    script.write_text(BOTO3)

    def boto3(function: str, wait: str) -> float:
        return bench.run([sys.executable, str(script), function, bench.env.bucket, bench.key, wait], root)

    def cli() -> float:
        update = f"{aws} lambda update-function-code --function-name bench-cli --s3-bucket {bench.env.bucket}"
        wait = f"{aws} lambda wait function-updated-v2 --function-name bench-cli"
        version = f"$({aws} lambda publish-version --function-name bench-cli --query Version --output text)"
        alias = f"{aws} lambda update-alias --function-name bench-cli --name live --function-version {version}"
        return bench.run(["sh", "-ec", f"{update} --s3-key {bench.key} && {wait} && {alias}"], root)

    return {
        "crabwalk deploy": bench.deploy,
        "terraform apply": lambda: bench.run(bench.apply(), root),
        "aws update-function-code, wait, publish, update-alias": cli,
        "boto3, its own waiter": lambda: boto3("bench-waiter", "waiter"),
        "boto3, asked every 50 ms": lambda: boto3("bench-polled", "poll"),
        "cargo lambda deploy (waits for nothing)": lambda: cargo(bench),
    }


def cargo(bench: Bench) -> float:
    """`cargo lambda deploy` of the same binary, which it packs itself."""
    body = client(bench.env, "s3").get_object(Bucket=bench.env.bucket, Key=bench.key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        archive.extract("bootstrap", bench.folder)
    binary = str(bench.folder / "bootstrap")
    command = [str(Path(sys.executable).with_name("cargo-lambda")), "lambda", "deploy", "--binary-path", binary]
    options = ["--endpoint-url", str(bench.env.endpoint), "--iam-role", ROLE, "--alias", "live", "bench-cargo"]
    return bench.run([*command, *options], bench.shop.root)


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with embedded() as (folder, _):
        aws = aws_cli(folder)
        bench = Bench(folder)
        bench.prepare()
        table("code alone", code(bench, code_sides(bench, aws), runs))
        table("configuration alone", configuration(bench, max(3, runs // 3)))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"\nlargest process of all: {peak} MB, Terraform's provider")


def code(bench: Bench, sides: Mapping[str, Callable[[], float]], runs: int) -> Mapping[str, list[float]]:
    """One turn after the other, each side once in it; the first turn warms up."""
    found: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(runs + 1):
        bench.commit_code()
        for side, run in sides.items():
            took = run()
            if number:
                found[side].append(took)
    return found


def configuration(bench: Bench, runs: int) -> Mapping[str, list[float]]:
    """Another memory each turn."""
    found: dict[str, list[float]] = {"crabwalk deploy": [], "terraform apply": []}
    for number in range(runs):
        memory = 192 + 64 * number
        bench.walk(f"{memory} MB")
        bench.shop.commit(f"memory {memory}")
        found["crabwalk deploy"].append(bench.deploy())
        found["terraform apply"].append(bench.run(bench.apply(memory), bench.folder / "terraform"))
    return found


def table(title: str, found: Mapping[str, list[float]]) -> None:
    """Medians, and ours as a share of each."""
    ours = statistics.median(found["crabwalk deploy"])
    print(f"\n{title}, medians of {len(found['crabwalk deploy'])}")
    for side, times in found.items():
        median = statistics.median(times)
        target = f"  (target {TARGETS[side]:.2f})" if side in TARGETS and title == "code alone" else ""
        print(f"  {side:55} {median * 1000:7,.0f} ms   ours is {ours / median:.3f} x{target}")
    print(json.dumps({side: [round(one, 3) for one in times] for side, times in found.items()}))


if __name__ == "__main__":
    main()
