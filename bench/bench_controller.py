"""The controller function: its package, what its import costs, what a look asks of AWS, and what a walk costs there.

Run: python bench/bench_controller.py. Import times are whole processes, medians, in a folder with the package alone and
botocore from this machine; Lambda's own processors are others, the ratios are not. The looks are counted on an AWS in
memory; how long they take is measured on the embedded AWS, in the function as its state machine calls it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from statistics import median

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS / "kit"), str(Path(__file__).parent)]

import edge_kit  # noqa: E402
import machine_kit  # noqa: E402
from boundary_kit import Process  # noqa: E402
from embedded import embedded  # noqa: E402
from engine_kit import traffic  # noqa: E402
from kill_kit import clouds  # noqa: E402

from pipeline import local  # noqa: E402
from pipeline.controller.bundle import ENTRY, bundle  # noqa: E402

ROUNDS = 9
LOOKS = 40
IMPORTS = {
    "python, nothing else": "pass",
    "botocore.session and the clients of S3, Lambda, CloudWatch": (
        "import botocore.session as b; s = b.Session()\n"
        "for n in ('s3', 'lambda', 'cloudwatch'): s.create_client(n, region_name='eu-west-1', "
        "aws_access_key_id='a', aws_secret_access_key='b')"
    ),
    "the handler": "import pipeline.controller.handler",
    "the handler, compiled before": "import pipeline.controller.handler",
    "the handler, and its clients": (
        "import pipeline.controller.handler\nfrom pipeline.manifest.environments import Environment\n"
        "from pipeline.release.walk.act import Engine\n"
        "e = Engine(Environment('p', '123456789012', 'eu-west-1', 'b', 'http://127.0.0.1:9', credentials=('a', 'b')))\n"
        "e.metrics.read([], 0, 60)"
    ),
}

# us-east-1, https://aws.amazon.com/step-functions/pricing/ and https://aws.amazon.com/lambda/pricing/ (arm64); the
# others as docs/cost-of-running.md has them. Without free tiers.
TRANSITION = 0.025 / 1000
REQUEST = 0.20 / 1_000_000
GB_SECOND = 0.0000133334
PUT, GET, METRIC = 0.005 / 1000, 0.0004 / 1000, 0.01 / 1000
PER_LOOK = 3  # Wait, Look, Over
MEMORY_GB, TOOK_S = 0.5, 0.4  # a warm look on AWS, taken a good deal longer than on loopback
EVERY_S = 15


def imports(folder: Path) -> None:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in IMPORTS}
    for _ in range(ROUNDS + 1):  # the first compiles
        for name, text in IMPORTS.items():
            begun, before = time.perf_counter(), os.times()
            # Lambda's folder is read-only: nothing of it is compiled before.
            flags = [] if "compiled" in name else ["-B", "-X", f"pycache_prefix={folder}/none"]
            subprocess.run([sys.executable, *flags, "-c", text], cwd=folder, check=True)
            after = os.times()
            used = after.children_user - before.children_user + after.children_system - before.children_system
            taken[name].append((used * 1000, (time.perf_counter() - begun) * 1000))
    for name, all_ in taken.items():
        cpu, wall = (median(one) for one in zip(*all_[1:], strict=True))
        print(f"| {name} | {cpu:.0f} ms | {wall:.0f} ms |")


def counted() -> tuple[float, Counter[str]]:
    """The calls of one walk, by the look."""
    scene, process = next(clouds()), Process("counting")
    scene.world.feed.of = traffic()
    with scene.standing():
        machine = machine_kit.Machine(scene, machine_kit.given(scene, scene.engine()))
        machine.run(process)
    series = sum(len(one.params["MetricDataQueries"]) for one in process.places if one.operation == "GetMetricData")
    found = Counter(one.operation for one in process.places)
    found["metrics"] = series
    return len(machine.answers), found


def looks() -> None:
    """The function as it is called on the embedded AWS: cold, then warm."""
    with embedded():
        running = local.up()  # the one that is up already
        import controller_kit

        raw = edge_kit.client(running, "lambda")
        edge_kit.client(running, "s3").create_bucket(Bucket="bench")
        env = controller_kit.Environment(
            "local", "000000000000", "us-east-1", "bench", running.endpoint, credentials=("test", "test"),
            period_s=1, lag_s=1, lease_s=8, tick_s=0.5, embedded=True,
        )  # fmt: skip
        name = "bench_controller"
        edge_kit.create(raw, name, bundle().body, Runtime="python3.13", Handler=ENTRY, Timeout=60)
        ground = controller_kit.Ground(env, raw, {})
        walk = ground.walk("bench")
        part = machine_kit.Part("bench", walk.rollout.release_id, 1)
        told = machine_kit.to_json(machine_kit.Job(env, (part,), name))
        walk.lease.release()
        taken = []
        for _ in range(LOOKS):
            begun = time.perf_counter()
            answer = raw.invoke(FunctionName=name, Payload=json.dumps(told))
            taken.append((time.perf_counter() - begun) * 1000)
            if "FunctionError" in answer:
                sys.exit(answer["Payload"].read().decode())
        print(f"| a look, cold (process, imports, takes over) | | {taken[0]:.0f} ms |")
        print(f"| a look, warm | | {median(taken[1:]):.0f} ms |")


def costs(made: float, calls: Counter[str]) -> None:
    per = {name: calls[name] / made for name in ("PutObject", "GetObject", "metrics")}
    look = PER_LOOK * TRANSITION + REQUEST + MEMORY_GB * TOOK_S * GB_SECOND
    asked = per["PutObject"] * PUT + per["GetObject"] * GET + per["metrics"] * METRIC
    titles = (
        "a walk of",
        "looks",
        "transitions",
        "Step Functions",
        "function",
        "S3, CloudWatch",
        "together",
        "executions",
    )
    print(f"\n| {' | '.join(titles)} |\n{'|---' * len(titles)}|")
    for label, seconds in (("26 minutes", 26.5 * 60), ("a weekend, 62 h", 62 * 3600), ("three weeks", 21 * 86400)):
        number = seconds / EVERY_S
        function = number * (look - PER_LOOK * TRANSITION)
        executions = -(-number * 9 // 20000)
        print(
            f"| {label} | {number:,.0f} | {number * PER_LOOK:,.0f} | {number * PER_LOOK * TRANSITION:.4f} $ | "
            f"{function:.4f} $ | {number * asked:.4f} $ | {number * (look + asked):.4f} $ | {executions:.0f} |"
        )


def main() -> None:
    made = bundle()
    print(f"package: {len(made.modules)} modules of crabwalk's, {len(made.body) / 1000:.0f} kB stored\n")
    print("| what | processor | wall |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        with zipfile.ZipFile(io.BytesIO(made.body)) as archive:
            archive.extractall(name)
        imports(Path(name))
    looks()
    number, calls = counted()
    print(f"\ncalls of a walk of {number} looks: " + ", ".join(f"{n} {c}" for n, c in sorted(calls.items())))
    costs(number, calls)


if __name__ == "__main__":
    main()
