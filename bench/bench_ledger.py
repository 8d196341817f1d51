"""What is shown of a ledger with 100,000 releases, beside an empty one. Run: python bench/bench_ledger.py

Whole verbs in this process, on an AWS in memory that pages its listings as S3 does (MiniStack sorts all objects of a
bucket for each listing, which S3 does not); no start of a process, no imports, which are half a second more on every
side. The releases are of one service or of 1,000, over three years, the newest a minute ago. The empty ledger is of the
same services, each live, with no history; `shown` has only the releases that the verb shows or counts. Processor time,
wall time with 20 ms added to each call for the network, and the calls made; medians of runs in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))

import release_kit as values
from wire_kit import ACCOUNT, BUCKET, Wire

from pipeline.aws.objects import Objects
from pipeline.cli import run
from pipeline.manifest.environments import Environment
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.digest import digest_of, told
from pipeline.release.ledger.ledger import FORMAT, Ledger
from pipeline.release.ledger.records import Released, ServiceRecord
from pipeline.release.ledger.story import entry_of

DAY_S = 86_400.0
RELEASES, YEARS, NETWORK_S = 100_000, 3.0, 0.020
MARGIN_DAYS = 30  # that `metrics` looks further back than it is asked: to when began what was taken back later
# How many releases each shows or counts, where the ledger has enough.
VERBS: dict[tuple[str, ...], int] = {
    ("status",): 0,
    ("history", "--last", "20"): 20,
    ("history", "--last", "200"): 200,
    ("metrics", "--since", "7d"): round(RELEASES * (7 + MARGIN_DAYS) / (YEARS * 365)),
    ("metrics", "--since", "30d"): round(RELEASES * (30 + MARGIN_DAYS) / (YEARS * 365)),
}
PROJECT = """crabwalk: 1
project: shop
environments: {{production: {{account: "{account}", region: us-east-1, bucket: {bucket}}}}}
"""
ENTRY = replace(
    values.FRESH,
    phase="promoted",
    step=2,
    environment="production",
    sentence="of 40,000 requests to version 2, none failed",
)


def project(root: Path, names: Sequence[str]) -> None:
    """A project on disk with these services."""
    (root / "crabwalk.yaml").write_text(PROJECT.format(account=ACCOUNT, bucket=BUCKET))
    (root / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
    for name in names:
        service = root / "services" / name
        (service / "src").mkdir(parents=True)
        (service / "src" / "main.rs").write_text("fn main() {}\n")
        (service / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n')
        (service / "service.yaml").write_text(
            f"crabwalk: 1\nname: {name}\nstack: all\ntriggers: [{{schedule: {{rate: 1 h}}}}]\n"
        )


def aws(names: Sequence[str]) -> Wire:
    """Each service live at version 2, with its record."""
    wire = Wire()
    env = Environment("production", ACCOUNT, "us-east-1", BUCKET, credentials=("bench", "bench"))
    with wire.instead():
        ledger = Ledger(Objects(env))
        for name in names:
            function = f"shop-production-{name}"
            wire.function(function, "2")
            head = head_of(replace(ENTRY, service=name, function=function), 2, values.NONCE, 0)
            wire.aliases[function] |= {"Description": str(head)}
            live = Released(head.release, "2", values.COMMIT, "a" * 64, "c", time.time())
            ledger.save(ServiceRecord(name, promoted=live))
    return wire


def recorded(names: Sequence[str], newest: int) -> Wire:
    """The newest of all the releases, which are spread evenly over the services and the years."""
    wire, now = aws(names), time.time()
    apart = YEARS * 365 * DAY_S / RELEASES
    for number in range(newest):
        at, name = now - 60 - number * apart, names[number % len(names)]
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at))
        ended = replace(
            ENTRY,
            release_id=f"{stamp}-{number % 0x1000000:06x}",
            service=name,
            started=at,
            step_starts=(at + 5, at + 300, at + 600),
            ended=at + 600,
            committed=at - 540,
        )
        entry = entry_of(ended, {})
        body = json.dumps({"format": FORMAT, "nonce": values.NONCE, **asdict(entry)}).encode()
        wire.put(f"crabwalk/services/{name}/history/{entry.release_id}.json", body)
        wire.put(f"crabwalk/services/{name}/digest/{told(digest_of(entry))}", b"")
    wire.settled()
    return wire


@contextlib.contextmanager
def placed(names: Sequence[str]) -> Iterator[None]:
    """In a project of these services meanwhile."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        project(Path(folder), names)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def once(wire: Wire, verb: Sequence[str], network_s: float) -> tuple[float, float, Counter[str]]:
    """Seconds of processor and of wall time without the AWS's own, and the calls."""
    wire.counts.clear()
    wire.spent, wire.network_s = 0.0, network_s
    with wire.instead(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        processor, wall = time.process_time(), time.perf_counter()
        code = run([*verb, "--env", "production"])
        processor, wall = time.process_time() - processor - wire.spent, time.perf_counter() - wall
    if code != 0:
        raise SystemExit(f"{' '.join(verb)} ended with {code}: {said.getvalue()}")
    return processor, wall, Counter(wire.counts)


def measure(verb: Sequence[str], wires: dict[str, Wire], services: int, runs: int) -> None:
    """One line: the three ledgers' times, what the long one's is of the others', its calls."""
    found: dict[str, list[tuple[float, float, Counter[str]]]] = {name: [] for name in wires}
    for one in wires.values():  # what it imports, and the clients
        once(one, verb, 0.0)
    for _ in range(runs):
        for name, wire in wires.items():
            found[name].append(once(wire, verb, NETWORK_S))
    line = f"{services:>5} {' '.join(verb):20}"
    for which in (0, 1):
        empty, shown, full = (statistics.median(float(one[which]) for one in times) for times in found.values())
        line += f" {empty * 1000:7.0f} {shown * 1000:7.0f} {full * 1000:7.0f} {full / empty:5.2f} {full / shown:5.2f} |"
    print(line, ", ".join(f"{n} {what}" for what, n in sorted(found["full"][-1][2].items())))


def main() -> None:
    """Print one line a verb and number of services."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--services", type=int, nargs="*", default=[1, 1000])
    asked = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "NO_COLOR": "1"}
    print(
        f"{RELEASES:,} releases over {YEARS:g} years; ms of processor | of wall with {NETWORK_S * 1000:.0f} ms a call"
    )
    sides = f"{'empty':>7} {'shown':>7} {'full':>7} {'/e':>5} {'/s':>5} |"
    print(f"{'of':>5} {'verb':20} {sides} {sides} calls")
    for services in asked.services:
        names = tuple(f"s{number:04}" for number in range(services))
        full, empty = recorded(names, RELEASES), aws(names)
        with placed(names):
            for verb, shows in VERBS.items():
                shown = recorded(names, shows) if shows else empty
                measure(verb, {"empty": empty, "shown": shown, "full": full}, services, asked.runs)


if __name__ == "__main__":
    main()
