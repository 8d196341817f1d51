"""What stacks cost: ten first deployments, and deploys that have nothing to do for 1, 10 and 100 services.

    python bench/bench_stacks.py [--services 10] [--idle 1 10 100] [--runs 5]

The first deployments are real: Terraform, its AWS provider and the embedded AWS; in one stack, in a stack each as one
deploy (side by side, as many as cores and memory bear), and in a stack each one deploy after the other. The services
are copies of `health`, built beforehand. For the deploys without anything to do the ledger says that all is released
(no hundred functions are made); beside them stands what Terraform takes to say the same of one root, times the roots.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))

from embedded import embedded
from shop_kit import Done, Scratch

from pipeline.aws import client, subprocess_environment
from pipeline.deploying.setting import read_setting
from pipeline.deploying.stacks import needs_of, plan_stack, ready
from pipeline.infra import provider
from pipeline.infra.parts.function import walk_fingerprint
from pipeline.infra.root import LOCK
from pipeline.infra.terraform import Terraform
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project
from pipeline.release.ledger.records import Released, ServiceRecord, StackRecord
from pipeline.release.walk.act import Engine
from pipeline.workspace.git import Repository

TARGET_IDLE, TARGET_STACK = 1 / 150, 1 / 4


def project(folder: Path, name: str, count: int, stack: str | None) -> Scratch:
    """A project of `count` copies of `health`, in one stack or in one each."""
    made = Scratch.make(folder / name, name, services="services/s*/service.yaml")
    source = made.root / "services" / "health"
    for number in range(count):
        service = f"s{number:03}"
        target = made.root / "services" / service
        shutil.copytree(source, target)
        manifest = (target / "service.yaml").read_text().replace("name: health", f"name: {service}")
        kept, _, _ = manifest.partition("overlays:")
        kept = kept.replace("stack: web", f"stack: {stack or service}")
        (target / "service.yaml").write_text(kept + "overlays:\n  local: {architecture: host, release: {steps: []}}\n")
        cargo = (target / "Cargo.toml").read_text().replace('name = "health"', f'name = "{service}"')
        (target / "Cargo.toml").write_text(cargo)
    shutil.rmtree(made.root / "services" / "hello")
    subprocess.run(
        ["cargo", "metadata", "--offline", "--format-version", "1"],
        cwd=made.root, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    made.commit("services")
    return made


def deploy(here: Scratch, *services: str) -> tuple[float, Done]:
    """Seconds of one whole `crabwalk deploy`."""
    started = time.perf_counter()
    done = here.start("deploy", *services, "--env", "local").end(1200)
    took = time.perf_counter() - started
    if done.code:
        sys.exit(done.said)
    return took, done


def first(folder: Path, count: int) -> None:
    """The first deployments."""
    ways: list[tuple[str, str | None, bool]] = [
        ("one stack, one deploy", "shop", False),
        ("a stack each, one deploy, side by side", None, False),
        ("a stack each, one deploy after the other", None, True),
    ]
    print(f"\nfirst deployment of {count} services")
    found = []
    for number, (what, stack, apart) in enumerate(ways):
        here = project(folder, f"first{number}", count, stack)
        for verb in (("bootstrap", "local"), ("build",)):
            done = here.start(*verb).end(1800)
            if done.code:
                sys.exit(done.said)
        if apart:
            took = sum(deploy(here, f"s{one:03}")[0] for one in range(count))
        else:
            took, _ = deploy(here)
        found.append((what, took))
    slowest = found[-1][1]
    for what, took in found:
        print(f"  {what:45} {took:7.1f} s   {took / slowest:.2f} x one by one")
    print(f"  target: one stack at most {TARGET_STACK} x one by one")


def settle(here: Scratch) -> None:
    """Let the ledger say that every service is released as the commit has it."""
    loaded, env = load_project(here.root), here.env
    client(env, "s3").create_bucket(Bucket=env.bucket)
    engine, services = Engine(env), load_services(loaded, "local")
    with Repository.open(here.root) as repo:
        setting = read_setting(loaded, env, services, repo, engine)
        for service in services:
            ready_one = ready(setting, service).service
            released = Released("r", "1", repo.head, "a" * 64, walk_fingerprint(ready_one), engine.now())
            released = replace(released, needs=needs_of(setting, service))
            engine.ledger.save(ServiceRecord(service.name, promoted=released))
        setting = read_setting(loaded, env, services, repo, engine)
        for stack in sorted(setting.stacks):
            root = plan_stack(setting, stack, {}).root
            names = tuple(sorted(root.walk_fingerprints))
            calls = {name: tuple(map(asdict, made)) for name, made in root.calls.items()}
            engine.ledger.save_stack(StackRecord(stack, root.fingerprint, {}, names, engine.now(), repo.head, calls))


def idle(folder: Path, counts: Sequence[int], runs: int) -> None:
    """Deploys with nothing to do, in a stack each."""
    root = one_root(folder)
    terraform = statistics.median(root() for _ in range(max(3, runs // 2)))
    print(f"\nnothing to do, a stack each; terraform plan of one root that has nothing to do: {terraform:.2f} s")
    for count in counts:
        here = project(folder, f"idle{count}", count, None)
        settle(here)
        times = []
        for _ in range(runs + 1):
            took, done = deploy(here)
            if "nothing to deploy" not in done.out:
                sys.exit(done.said)
            times.append(took)
        ours = statistics.median(times[1:])
        ratio = ours / (terraform * count)
        print(f"  {count:4} services  {ours * 1000:7,.0f} ms   {ratio:.4f} x Terraform per root")
    print(f"  target at 100: at most {TARGET_IDLE:.4f}")


def one_root(folder: Path) -> Callable[[], float]:
    """A root with one released service, applied for real; each call is one plan of it with nothing to do."""
    here = project(folder, "peer", 1, None)
    here.start("bootstrap", "local").end(300)
    deploy(here)
    directory = here.root / ".crabwalk" / "local" / "s000"
    lock = (directory / LOCK).read_bytes()
    variables = provider.configure(subprocess_environment(here.env), directory, lock)

    def run() -> float:
        terraform = Terraform(directory, variables, lambda _: None)
        started = time.perf_counter()
        terraform.run("plan", "-input=false", "-detailed-exitcode")
        return time.perf_counter() - started

    return run


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=10)
    parser.add_argument("--idle", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with embedded() as (folder, _):
        if asked.idle:
            idle(folder, asked.idle, asked.runs)
        ours = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        if asked.services:
            first(folder, asked.services)
        theirs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"\nlargest process: {ours} MB until then, {theirs} MB with the first deployments (Terraform's provider)")


if __name__ == "__main__":
    main()
