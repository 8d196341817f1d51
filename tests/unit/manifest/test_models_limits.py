from __future__ import annotations

import pytest

from pipeline.errors import ManifestError
from pipeline.manifest import check_all

TABLE = "  t: {dynamodb: {partition_key: id}}\n"
QUEUE = "triggers: [{sqs: {queue: jobs}}]\nresources: {jobs: {sqs: {}}}\n"
FOREIGN = "arn:aws:sqs:eu-west-1:123456789012:x"


def findings(tree) -> tuple[list[str], list[str]]:
    """Problems and warnings, as check says them."""
    warnings: list = []
    problems: list = []
    try:
        check_all(tree.root, warnings)
    except ManifestError as error:
        problems.extend(error.problems)
    return [str(problem) for problem in problems], [str(warning) for warning in sorted(warnings)]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            "environment: {DB: a}\nsecrets: {DB: todos/db}",
            "4:15: secrets.DB: stands in `environment` too, remove one",
        ),
        (
            f"environment: {{BIG: {'x' * 4050}}}\nsecrets: {{DB: todos/db-password}}",
            "3:14: environment: all variables and the secrets' ARNs together take 4145 bytes, Lambda takes 4096",
        ),
        (
            (
                "layers:\n"
                + "".join(f"- arn:aws:lambda:eu-west-1:123456789012:layer:x:{i}\n" for i in range(5))
                + "extensions: [b]"
            ),
            "9:13: extensions: `layers` and `extensions` together are 6 layers, Lambda takes 5",
        ),
        (
            "concurrency: {provisioned: 2}",
            (
                "3:28: concurrency.provisioned: an alias with provisioned concurrency cannot split traffic, and the "
                "release does in its steps, write `release: {steps: []}` (all traffic at once), or remove `provisioned`"
            ),
        ),
        (
            f"timeout: 10 s\n{QUEUE}",
            (
                "5:25: resources.jobs.sqs.visibility: `jobs` hides a message for 30 s, which must be 60 s: "
                "6 x the timeout of 10 s, write `visibility: 60 s` or more"
            ),
        ),
        (
            "triggers: [{sqs: {queue: jobs, window: 20 s}}]\nresources: {jobs: {sqs: {visibility: 30 s}}}",
            (
                "4:38: resources.jobs.sqs.visibility: `jobs` hides a message for 30 s, which must be 38 s: "
                "6 x the timeout of 3 s + the window of 20 s, write `visibility: 38 s` or more"
            ),
        ),
        (
            "triggers: [{sqs: {queue: jobs, batch: 10, window: 1 s}}]\nresources: {jobs: {sqs: {fifo: true}}}",
            "3:51: triggers[0].sqs.window: a FIFO queue knows no window, remove it",
        ),
        (
            "triggers: [{sqs: {queue: job}}]\nresources: {jobs: {sqs: {}}}",
            "3:26: triggers[0].sqs.queue: `job` is no resource of this service, did you mean `jobs`?",
        ),
        (
            "triggers: [{sqs: {queue: jobs}}]",
            (
                "3:26: triggers[0].sqs.queue: `jobs` is no resource of this service, "
                "declare it in `resources`, for example `jobs: {sqs: {}}`"
            ),
        ),
        (
            f"triggers: [{{sqs: {{queue: t}}}}]\nresources:\n{TABLE}",
            "3:26: triggers[0].sqs.queue: `t` is of kind dynamodb, possible here: sqs",
        ),
        (
            f"triggers: [{{sqs: {{queue: '{FOREIGN}', batch: 9}}}}, {{sqs: {{queue: '{FOREIGN}'}}}}]",
            "3:78: triggers[1]: the same stands above, remove one",
        ),
        (
            f"triggers: [{{sqs: {{queue: '{FOREIGN}'}}}}, {{sqs: {{queue: '{FOREIGN}'}}}}]",
            "3:68: triggers[1]: this stands here twice, remove one",
        ),
        (
            "triggers: [{http: {routes: [GET /a]}}, {http: {routes: [GET /b]}}]",
            "3:40: triggers[1]: a service has one http trigger, list all routes in it",
        ),
        (
            "triggers: [{s3: {bucket: t}}]\nresources:\n" + TABLE,
            "3:26: triggers[0].s3.bucket: `t` is of kind dynamodb, possible here: s3",
        ),
        (
            "triggers: [{s3: {bucket: some-bucket, prefix: a/}}, {s3: {bucket: some-bucket, suffix: .jpg}}]",
            (
                "3:58: triggers[1].s3: S3 takes one trigger for an object, and another one here has the same, "
                "write prefixes or suffixes that exclude each other"
            ),
        ),
        (
            f"triggers: [{{stream: {{source: t}}}}]\nresources:\n{TABLE}",
            "3:30: triggers[0].stream.source: the table `t` has no stream, add `stream: new-and-old-images` to it",
        ),
        (
            "triggers: [{enrichment: {source: t, target: t}}]\nresources:\n"
            + TABLE.replace("id}", "id, stream: keys-only}"),
            "3:45: triggers[0].enrichment.target: `t` is of kind dynamodb, possible here: sqs, event-bus",
        ),
        (
            "triggers: [{event: {bus: audit, pattern: {source: [a]}}}]",
            (
                "3:26: triggers[0].event.bus: `audit` is no resource of this service, "
                "declare it in `resources`, for example `audit: {event-bus: {}}`"
            ),
        ),
        (
            "dead_letter: failed\nresources: {failed: {sqs: {fifo: true}}}",
            "3:14: dead_letter: a FIFO queue cannot take what failed, name a standard one",
        ),
        (
            "access: [{to: jobs, allow: [read]}]\nresources: {jobs: {sqs: {}}}",
            "3:29: access[0].allow[0]: `read` means nothing for sqs, possible: send, receive",
        ),
        (
            "access: [{to: tabel, allow: [read]}]\nresources: {table: {dynamodb: {partition_key: id}}}",
            "3:15: access[0].to: `tabel` is no resource of this service, did you mean `table`?",
        ),
        (
            "kind: extension\nmemory: 128 MB",
            "4:1: `memory` belongs to the functions that run an extension, not to it, remove it",
        ),
        (
            "kind: extension\ntriggers: []",
            "4:1: `triggers` belongs to the functions that run an extension, not to it, remove it",
        ),
        (
            "layers: ['arn:aws:lambda:us-east-1:123456789012:layer:x:1']",
            (
                "3:10: layers[0]: lies in us-east-1, and `staging` in eu-west-1, "
                "name one of eu-west-1 in `overlays.staging`"
            ),
        ),
    ],
)
def test_limits_of_one_manifest(tree, lines: str, fault: str) -> None:
    tree.service("a", lines + "\n")
    tree.service("b", "kind: extension\n")
    assert findings(tree) == ([f"services/a/service.yaml:{fault}"], [])


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        (
            "timeout: 30 s\ntriggers: [{http: {routes: [GET /]}}]",
            (
                "3:10: timeout: API Gateway gives up after 29 s, the function goes on to 30 s, "
                "write `29 s`, or use `function-url`"
            ),
        ),
        (
            "timeout: 6 s\ntriggers: [{cognito: {user_pool: eu-west-1_AbC, trigger: pre-sign-up}}]",
            "3:10: timeout: Cognito gives up after 5 s, the function goes on to 6 s, write `5 s`",
        ),
        (
            "release: {checks: {latency: {over: 3 s}}}",
            "3:36: release.checks.latency.over: no request takes 3 s: the timeout is 3 s, lower it",
        ),
        ("concurrency: {reserved: 0}", "3:25: concurrency.reserved: 0 stops every invocation, raise it to go on"),
        (
            "release: {steps: [{traffic: 10 %, bake: 1 min, approve: true}]}",
            (
                "3:57: release.steps[0].approve: nobody is named in `approvers`, so whoever may promote approves, "
                "write for example `approvers: [release-*]`"
            ),
        ),
        (
            "release: {approvers: [release-*]}",
            "3:22: release.approvers: no step waits for them, write `approve: true` in one",
        ),
        (
            "runtime: provided.al2",
            "3:10: runtime: Amazon Linux 2 gets no updates after June 2026, write `provided.al2023`",
        ),
        (
            "environment: {DB_PASSWORD: hunter2}",
            (
                "3:28: environment.DB_PASSWORD: looks like a secret, and whoever may look at the function can read "
                "its variables, name it in `secrets`"
            ),
        ),
        (
            "secrets: {DB: token}\nresources: {token: {secret: {}}}",
            (
                "3:15: secrets.DB: `token` is the secret of that name at AWS, not the service's own resource, "
                "write `${services.a.token}` for that"
            ),
        ),
        (
            f"concurrency: {{reserved: 5}}\ntriggers: [{{sqs: {{queue: '{FOREIGN}', max_concurrency: 10}}}}]",
            (
                "4:83: triggers[0].sqs.max_concurrency: 10 at once are more than the 5 reserved, "
                "so messages are throttled, write `5`"
            ),
        ),
        (
            QUEUE + "access: [{to: jobs, allow: [send]}]",
            (
                "3:26: triggers[0].sqs.queue: the function may send to `jobs`, which invokes it: "
                "it can go round for ever, send to another queue"
            ),
        ),
        (
            "triggers: [{s3: {bucket: images}}]\nresources: {images: {s3: {}}}\naccess: [{to: images, allow: [write]}]",
            (
                "3:26: triggers[0].s3.bucket: the function may write to `images`, whose new objects invoke it: "
                "it can go round for ever, write a `prefix`, and results beside it"
            ),
        ),
        (
            "triggers: [{s3: {bucket: image}}]\nresources: {images: {s3: {}}}",
            (
                "3:26: triggers[0].s3.bucket: `image` is no resource of this service, so it is a bucket of that name, "
                "did you mean `images`?"
            ),
        ),
    ],
)
def test_what_is_unwise_is_a_warning(tree, lines: str, warning: str) -> None:
    tree.service("a", lines + "\n")
    assert findings(tree) == ([], [f"services/a/service.yaml:{warning}"])
    assert [service.name for service in tree.load()] == ["a"]


def test_what_is_just_right_is_silent(tree) -> None:
    tree.service(
        "a",
        "timeout: 29 s\ntriggers: [{http: {routes: [GET /]}}, {sqs: {queue: jobs}}]\n"
        "resources: {jobs: {sqs: {visibility: 174 s}}}\nconcurrency: {reserved: 2, provisioned: 2}\n"
        "release: {steps: []}\nenvironment: {DB_PASSWORD: '${services.a.jobs.name}'}\n"
        "layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:x:1']\n",
    )
    assert findings(tree) == ([], [])


def test_a_reference_counts_as_nothing_before_it_is_known(tree) -> None:
    tree.service("b", "resources: {t: {s3: {}}}\n")
    tree.service("a", f"environment: {{BIG: '{'x' * 4070}${{services.b.t.name}}${{services.b.t.name}}'}}\n")
    assert findings(tree) == ([], [])


SHOP = "resources: {jobs: {sqs: {visibility: 30 s}}, images: {s3: {}}}\n"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            "timeout: 6 s\ntriggers: [{sqs: {queue: '${services.shop.jobs}'}}]",
            (
                "4:26: triggers[0].sqs.queue: `${services.shop.jobs}` hides a message for 30 s, which must be 36 s: "
                "6 x the timeout of 6 s, write `visibility: 36 s` or more"
            ),
        ),
        (
            "access: [{to: '${services.shop.jobs}', allow: [read]}]",
            "3:48: access[0].allow[0]: `read` means nothing for sqs, possible: send, receive",
        ),
    ],
)
def test_limits_across_manifests(tree, lines: str, fault: str) -> None:
    tree.service("shop", SHOP)
    tree.service("a", lines + "\n")
    assert findings(tree) == ([f"services/a/service.yaml:{fault}"], [])


def test_a_buckets_events_are_one_services(tree) -> None:
    tree.service("shop", SHOP + "triggers: [{s3: {bucket: images}}]\n")
    tree.service("z", "triggers: [{s3: {bucket: photos, prefix: a/}}]\n")
    tree.service("a", "triggers: [{s3: {bucket: photos, prefix: b/}}]\n")
    assert findings(tree)[0] == [
        (
            "services/z/service.yaml:3:26: triggers[0].s3.bucket: `a` has this bucket's events, and S3 keeps one list "
            "of rules for a bucket, let one service have them, and pass them on by an event bus"
        )
    ]


def test_one_pool_has_one_trigger_of_each(tree) -> None:
    for name in ("a", "b"):
        tree.service(name, "triggers: [{cognito: {user_pool: eu-west-1_AbC, trigger: pre-sign-up}}]\n")
    assert findings(tree)[0] == [
        (
            "services/b/service.yaml:3:58: triggers[0].cognito.trigger: `a` is the pool's pre-sign-up already, "
            "a pool has one of each"
        )
    ]


def test_an_own_pool_has_one_trigger_and_is_nobody_elses(tree) -> None:
    for name in ("a", "b"):
        tree.service(name, "triggers: [{cognito: {trigger: pre-sign-up}}]\n")
    assert findings(tree)[0] == []
    tree.service("a", "triggers: [{cognito: {trigger: pre-sign-up}}, {cognito: {trigger: custom-message}}]\n")
    assert findings(tree)[0] == [
        "services/a/service.yaml:3:47: triggers[1]: the service's own pool has one trigger, remove one"
    ]


def test_two_resources_with_one_name_are_refused(tree) -> None:
    tree.service("a", "resources: {b-c: {sqs: {}}, d: {s3: {}}}\n")
    tree.service("a-b", "resources: {c: {sqs: {}}, a-d: {s3: {}}}\n")
    assert findings(tree)[0] == [
        (
            "services/a-b/service.yaml:3:13: resources: `c` would have the same name at AWS as a resource of `a`, "
            "give it another name"
        )
    ]


def test_a_queue_with_two_readers_is_a_warning(tree) -> None:
    tree.service("shop", SHOP + "triggers: [{sqs: {queue: jobs}}]\n")
    tree.service("a", "triggers: [{sqs: {queue: '${services.shop.jobs}'}}]\n")
    assert findings(tree) == (
        [],
        [
            (
                "services/shop/service.yaml:4:26: triggers[0].sqs.queue: the queue invokes `a` too, and each message "
                "goes to one of the two, give each its own queue"
            )
        ],
    )


BASE = "concurrency: {provisioned: 2}\nrelease: {steps: []}\ntimeout: 5 s\n" + QUEUE


@pytest.mark.parametrize(
    ("overlay", "fault"),
    [
        (
            "timeout: 10 s",
            (
                "9:22: overlays.staging.resources.jobs.sqs.visibility: "
                "`jobs` hides a message for 30 s, which must be 60 s: "
                "6 x the timeout of 10 s, write `visibility: 60 s` or more"
            ),
        ),
        (
            "release: {steps: [{traffic: 5 %, bake: 1 s}]}",
            (
                "9:30: overlays.staging.concurrency.provisioned: an alias "
                "with provisioned concurrency cannot split traffic, and the "
                "release does in its steps, write `release: {steps: []}` (all traffic at once), or remove `provisioned`"
            ),
        ),
        (
            "release: {steps: [{traffic: 5 %}]}",
            "9:31: overlays.staging.release.steps[0]: the key `bake` is missing",
        ),
        (
            "resources: {t: {dynamodb: {}}}",
            "9:39: overlays.staging.resources.t.dynamodb: the key `partition_key` is missing",
        ),
        (
            "resources: {jobs: {s3: {}}}",
            "9:32: overlays.staging.resources.jobs: a second resource in one, give each its own",
        ),
        (
            "concurrency: {reserved: 1}",
            "9:26: overlays.staging.concurrency.provisioned: 2 provisioned are more than the 1 reserved",
        ),
    ],
)
def test_a_fault_of_an_overlay_is_at_the_overlays_line(tree, overlay: str, fault: str) -> None:
    tree.service("a", f"{BASE}overlays:\n  staging: {{{overlay}}}\n")
    (found,), _ = findings(tree)
    assert found.startswith(f"services/a/service.yaml:{fault}")


def test_an_overlay_that_lowers_the_deadline_is_where_the_fault_is(tree) -> None:
    tree.service("a", "overlays:\n  staging:\n    release:\n      deadline: 1 min\n")
    assert findings(tree)[0] == [
        (
            "services/a/service.yaml:6:17: "
            "overlays.staging.release.deadline: the steps bake 20 min but the deadline is 1 min, raise `deadline`"
        )
    ]


def test_an_overlay_does_not_repeat_what_its_base_says(tree) -> None:
    tree.service(
        "a",
        "timeout: 10 s\n" + QUEUE + "release: {checks: {latency: {over: 10 s}}}\n"
        "overlays: {staging: {release: {min_requests: 5}, tags: {a: b}}, local: {memory: 256 MB}}\n",
    )
    problems, warnings = findings(tree)
    assert [problem.partition(": ")[0] for problem in problems] == ["services/a/service.yaml:5:25"]
    assert [warning.partition(": ")[0] for warning in warnings] == ["services/a/service.yaml:6:36"]


def test_an_overlay_can_break_what_its_base_breaks_too(tree) -> None:
    tree.service("a", "memory: 64 MB\noverlays: {staging: {memory: 64 MB}}\n")
    places = [problem.partition(" ")[0] for problem in findings(tree)[0]]
    assert places == ["services/a/service.yaml:3:9:", "services/a/service.yaml:4:30:"]


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("2", "format `2` is newer than this crabwalk, which reads 1, upgrade crabwalk: this one is 0.1.0"),
        ("0", "there never was a format `0`, write `crabwalk: 1`, the first one"),
        ('"1"', "`1` is not a format version, which is a whole number, remove the quotes"),
        ("1.0", "`1.0` is not a format version, which is a whole number, write `crabwalk: 1`"),
        ("true", "`true` is not a format version, which is a whole number, write `crabwalk: 1`"),
    ],
)
def test_format_versions(tree, version: str, fault: str) -> None:
    tree.service("a", f"crabwalk: {version}\nname: a\n".encode())
    assert findings(tree)[0] == [f"services/a/service.yaml:1:11: crabwalk: {fault}"]


def test_a_newer_formats_keys_are_not_judged(tree) -> None:
    tree.service("a", b"crabwalk: 2\nname: a\nnew_key: 1\n")
    assert len(findings(tree)[0]) == 1
