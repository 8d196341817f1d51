"""A project in which manifests use every key there is: what hostile ones are made from."""

from __future__ import annotations

from pathlib import Path

PROJECT = b"""crabwalk: 1
project: demo
services: services/*/service.yaml
stack: shop
environments:
  staging: {account: "123456789012", region: eu-west-1}
  production: {account: "123456789012", region: eu-west-1, bucket: demo-production}
build: {compiler: cargo-zigbuild, auditable: false, deny: auto}
"""
FUNCTION = b"""# yaml-language-server: $schema=../service.schema.json
crabwalk: 1
name: a
description: Uses every key.
kind: function
package: a
binary: a
features: [tls]
architecture: arm64
target: gnu.2.28
runtime: provided.al2023
inputs: [proto]
memory: 256 MB
ephemeral_storage: 1 GB
timeout: 20 s
environment:
  RUST_LOG: info
  TABLE: "${services.a.table.name}"
  PLAIN: "$${HOME} %{if}"
secrets: {DB_PASSWORD: todos/db-password}
concurrency: {reserved: 10}
tracing: true
layers: ["arn:aws:lambda:eu-west-1:123456789012:layer:x:3"]
extensions: [b]
vpc:
  subnets: [subnet-0123456789abcdef0]
  security_groups: [sg-0123456789abcdef0]
dead_letter: arn:aws:sqs:eu-west-1:123456789012:failed
kms_key: arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef
log_retention: 14 days
tags: {team: web}
stack: web
budget: {warn: 10 MB, fail: 50 MB}
resources:
  table: {dynamodb: {partition_key: id, sort_key: created (N), ttl: expires, stream: new-and-old-images}}
  jobs: {sqs: {visibility: 10 min, retention: 4 days, fifo: false, max_receives: 5}}
  images: {s3: {versioned: true}}
  audit: {event-bus: {}}
  token: {secret: {}}
triggers:
  - http:
      routes: ["GET /todos", "ANY /{proxy+}"]
      cors: {origins: ["https://example.org"], methods: [GET], headers: [content-type], max_age: 1 h}
      throttle: {rate: 100, burst: 200}
      authorizer: {issuer: "https://issuer.example.org", audience: [web]}
  - function-url: {auth: iam, stream: true}
  - sqs: {queue: jobs, batch: 10, window: 0 s, max_concurrency: 10, partial_failures: true}
  - s3: {bucket: images, events: [created], prefix: in/, suffix: .jpg}
  - schedule: {cron: "0 3 * * ? *", timezone: Europe/Berlin, payload: {a: ["$${x}", 1, true, null]}}
  - schedule: {rate: 5 min}
  - event: {bus: audit, pattern: {source: [orders], detail-type: [paid]}}
  - stream: {source: table, batch: 100, start: latest, retries: 3, bisect: true}
  - state-machine: {}
access:
  - {to: table, allow: [read, write]}
  - {to: images, allow: [GetObject]}
  - {actions: ["ses:SendEmail"], resources: ["*"], reason: Mail goes to anybody.}
release:
  steps: [{traffic: 10 %, bake: 10 min, min_requests: 50, approve: true}, {traffic: 50 %, bake: 10 min}]
  min_requests: 100
  deadline: 2 h
  on_inconclusive: rollback
  smoke: [events/x.json]
  checks: {errors: true, latency: {over: 500 ms}, alarms: [too-slow]}
  approvers: ["arn:aws:sts::123456789012:assumed-role/release/*"]
  approval_timeout: 24 h
overlays:
  staging: {memory: 512 MB, environment: {RUST_LOG: debug}, resources: {more: {sqs: {}}}}
  local: {architecture: host, release: {steps: [{traffic: 20 %, bake: 8 s, approve: true}], deadline: 2 min}}
"""
EXTENSION = b"""crabwalk: 1
name: b
kind: extension
architecture: arm64
overlays:
  local: {architecture: host}
"""
SMALL = b"crabwalk: 1\nname: a\ntriggers:\n  - http: {routes: [GET /]}\n"

CARGO = '[package]\nname = "{name}"\nversion = "0.1.0"\n[features]\ntls = []\n'


def make_project(root: Path) -> None:
    """Two services with everything their manifests name."""
    for name in ("a", "b"):
        home = root / "services" / name
        (home / "src").mkdir(parents=True)
        (home / "Cargo.toml").write_text(CARGO.format(name=name))
        (home / "src" / "main.rs").write_text("fn main() {}\n")
        (home / "events").mkdir()
        (home / "events" / "x.json").write_text("{}")
    (root / "proto").mkdir()
    restore(root)


def restore(root: Path) -> None:
    """The project as it is valid."""
    (root / "crabwalk.yaml").write_bytes(PROJECT)
    (root / "services" / "a" / "service.yaml").write_bytes(FUNCTION)
    (root / "services" / "b" / "service.yaml").write_bytes(EXTENSION)
