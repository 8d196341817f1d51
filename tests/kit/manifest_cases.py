"""Valid manifests, and ones that are wrong in one place with what check says: for the models and the schema."""

from __future__ import annotations

FULL = """kind: function
features: []
target: gnu.2.28
memory: 1 GB
ephemeral_storage: 2 GB
timeout: 20 s
environment: {TABLE: "${services.a.table.name}"}
secrets: {DB_PASSWORD: todos/db-password, TOKEN: "${services.a.token}"}
concurrency: {reserved: 10}
layers: [arn:aws:lambda:eu-west-1:123456789012:layer:x:3]
vpc: {subnets: [subnet-0123456789abcdef0], security_groups: [sg-01234567]}
dead_letter: failed
kms_key: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
tags: {team: web}
budget: {warn: 5 MB}
resources:
  table: {dynamodb: {partition_key: id, sort_key: created (N), ttl: expires, stream: new-and-old-images}}
  jobs: {sqs: {visibility: 3 min, retention: 1 day, max_receives: 3}}
  failed: {sqs: {}}
  images: {s3: {versioned: false}}
  audit: {event-bus: {}}
  token: {secret: {}}
triggers:
  - http:
      routes: ["GET /todos"]
      cors: {origins: ["https://example.org"], credentials: true, max_age: 1 h}
      throttle: {rate: 100, burst: 200}
      authorizer: {issuer: "https://issuer.example.org", audience: [web]}
      domain: {name: api.example.org, certificate: "arn:aws:acm:eu-west-1:123456789012:certificate/12-34"}
  - function-url: {}
  - sqs: {queue: jobs, batch: 100, window: 1 s, max_concurrency: 5}
  - s3: {bucket: images, events: [created], prefix: in/}
  - schedule: {cron: "0 3 * * ? *", timezone: Europe/Berlin, payload: {b: 1, a: [true, null]}}
  - schedule: {rate: 5 min}
  - event: {bus: audit, pattern: {source: [shop], detail: {kind: [{prefix: x}]}}}
  - stream: {source: table, retries: 3}
  - enrichment: {source: jobs, target: audit, filters: [{body: {kind: [paid]}}]}
  - cognito: {user_pool: eu-west-1_AbCdEfGhI, trigger: pre-token-generation, version: V2_0}
  - state-machine: {}
access:
  - {to: table, allow: [read, write]}
  - {to: "arn:aws:sns:eu-west-1:123456789012:news", allow: [Publish]}
  - {actions: ["ses:SendEmail"], resources: ["*"], reason: Mail goes to anybody.}
release:
  steps: [{traffic: 10 %, bake: 10 min, min_requests: 50, approve: true}]
  checks: {latency: {over: 500 ms}, alarms: [too-slow]}
  approvers: ["arn:aws:sts::123456789012:assumed-role/release/*"]
  approval_timeout: 2 days
  smoke: [events/a.json, {event: events/b.json, status: 404, error: false, expect: ["body.ok", "length(items) > `0`"]}]
  hooks: {before: [{command: [./check.sh, x], timeout: 5 min}, {webhook: env:GATE}], after: [{command: [notify]}]}
  probe: {events: [events/a.json], per_minute: 120}
  notify: [{sns: "arn:aws:sns:eu-west-1:123456789012:releases"}, {slack: env:SLACK}, {webhook: env:ELSE}]
"""

# Lines of a service and its fault.
KEYS = [
    ("kind: lambda", "3:7: kind: `lambda` is not possible, known: extension, function"),
    (
        "target: glibc",
        "3:9: target: `glibc` is not possible, known: gnu, musl; a glibc floor is written `gnu.2.28`",
    ),
    ("target: gnu.2", "3:9: target: `gnu.2` is not possible, did you mean `gnu`?; a glibc floor is"),
    (
        "target: gnu.2.35",
        "3:9: target: `provided.al2023` has glibc 2.34, which is older than 2.35, write `gnu.2.34`",
    ),
    (
        "target: gnu.2.28\nruntime: provided.al2",
        "3:9: target: `provided.al2` has glibc 2.26, which is older than 2.28, write `gnu.2.26` or less, or `musl`",
    ),
    ("ephemeral_storage: 256 MB", "3:20: ephemeral_storage: 256 MB is out of range, 512 MB to 10,240 MB"),
    ("ephemeral_storage: 11 GB", "3:20: ephemeral_storage: 11 GB is out of range, 512 MB to 10,240 MB"),
    ("features: [default, default]", "3:21: features[1]: `default` stands here twice, remove one"),
    ("features: ['a b']", "3:12: features[0]: `a b` is not a feature's name, letters, digits, _ - + and ."),
    ("inputs: [../x]", "3:10: inputs[0]: `../x` must lie inside the project's folder, for example `proto`"),
    ("inputs: proto", "3:9: inputs: must be a list, not `proto`, write `[proto]`"),
    (
        "secrets: {PASSWORD: hunter2!}",
        (
            "3:21: secrets.PASSWORD: this is not a secret's name, "
            "write the name or ARN of a Secrets Manager secret, never its value"
        ),
    ),
    ("secrets: {AWS_REGION: a}", "3:11: secrets: `AWS_REGION` is reserved by Lambda, remove it"),
    ("concurrency: {reserved: -1}", "3:25: concurrency.reserved: -1 invocations is out of range, 0 to 1,000,000"),
    (
        "concurrency: {provisioned: 0}",
        "3:28: concurrency.provisioned: 0 invocations is out of range, 1 to 1,000,000",
    ),
    (
        "concurrency: {reserved: 1, provisioned: 2}\nrelease: {steps: []}",
        (
            "3:41: concurrency.provisioned: 2 provisioned are more than the 1 reserved, "
            "raise `reserved` or lower `provisioned`"
        ),
    ),
    (
        "layers: [arn:aws:lambda:eu-west-1:123456789012:layer:x]",
        (
            "3:10: layers[0]: `arn:aws:lambda:eu-west-1:123456789012:layer:x` is not an ARN of a layer's version, "
            "for example `arn:aws:lambda:eu-west-1:123456789012:layer:x:3`"
        ),
    ),
    ("vpc:", "3:5: vpc: has no value, write one, or remove the key"),
    ("vpc: {subnets: [], security_groups: [sg-01234567]}", "3:16: vpc.subnets: 0 subnets, at least 1 here"),
    (
        "vpc: {subnets: [subnet-1], security_groups: [sg-01234567]}",
        "3:17: vpc.subnets[0]: `subnet-1` is not a subnet's id, write for example `subnet-0123456789abcdef0`",
    ),
    (
        f"vpc: {{subnets: [subnet-01234567], security_groups: [{', '.join(f'sg-0000000{i}' for i in range(6))}]}}",
        "3:52: vpc.security_groups: 6 security groups, at most 5 here",
    ),
    (
        "dead_letter: arn:aws:s3:::images",
        (
            "3:14: dead_letter: `arn:aws:s3:::images` is not a dead-letter target, "
            "write an own queue's name, `${services.NAME.QUEUE}` or an ARN of SQS or SNS"
        ),
    ),
    ("kms_key: alias/x", "3:10: kms_key: `alias/x` is not an ARN of a KMS key, for example `arn:aws:kms:"),
    (
        "tags: {'aws:x': a}",
        "3:8: tags: `aws:x` begins with `aws:`, which AWS keeps for itself, give the tag another",
    ),
    ("tags: {'crabwalk:x': a}", "3:8: tags: `crabwalk:x` begins with `crabwalk:`, which crabwalk keeps for itself"),
    (
        "tags: {a: 'x#'}",
        "3:11: tags.a: `x#` is not a tag's value, up to 256 letters, digits, spaces and _ . : / = + -",
    ),
    (
        f"tags: {{{', '.join(f't{i}: x' for i in range(48))}}}",
        "3:7: tags: 48 tags, AWS takes 50, of which crabwalk sets 3: at most 47 here",
    ),
    ("budget: {warn: 60 MB}", "3:16: budget.warn: `warn` is larger than `fail`, warn at less"),
    (
        "budget: {fail: 1 GB}",
        "3:16: budget.fail: `1 GB` has an unknown unit `GB`, known: kB, MB; for example `10 MB`",
    ),
    ("budget: {fail: 300 MB}", "3:16: budget.fail: 300 MB is out of range, 1 kB to 250 MB"),
    ("timout: 3 s", "3:1: unknown key `timout`, did you mean `timeout`?"),
    ("smoke: [a.json]", "3:1: unknown key `smoke`, it belongs in `release`"),
    ("release: {step: []}", "3:11: release: unknown key `step`, did you mean `steps`?"),
    ("release: {checks: {latency: {}}}", "3:29: release.checks.latency: the key `over` is missing"),
    (
        "release: {checks: {latency: {over: 500}}}",
        "3:36: release.checks.latency.over: `500` has no unit, write `500 ms`",
    ),
    ("release: {checks: {alarm: []}}", "3:20: release.checks: unknown key `alarm`, did you mean `alarms`?"),
    (
        "release: {approvers: ['a b']}",
        "3:23: release.approvers[0]: `a b` is not an identity, write an ARN of STS or IAM",
    ),
    (
        "release: {smoke: [{status: 200}]}",
        "3:19: release.smoke[0]: the key `event` is missing",
    ),
    (
        "release: {smoke: [{event: a.json, status: 1000}]}",
        "3:43: release.smoke[0].status: 1000 is out of range, 100 to",
    ),
    (
        "release: {smoke: [{event: a.json, expect: [body.]}]}",
        "3:44: release.smoke[0].expect[0]: `body.` is not a JMESPath expression, it ends too early",
    ),
    (
        "release: {smoke: [{event: a.json, expect: ['a b']}]}",
        "3:44: release.smoke[0].expect[0]: `a b` is not a JMESPath expression, look at character 3",
    ),
    (
        "release: {smoke: [{event: a.json, expect: ['size(items)']}]}",
        "3:44: release.smoke[0].expect[0]: `size(items)` calls `size`, which JMESPath does not have",
    ),
    (
        "release: {hooks: {before: [{timeout: 1 min}]}}",
        '3:28: release.hooks.before[0]: must be one hook, write for example `command: ["./check.sh"]`',
    ),
    ("release: {hooks: {before: [{command: []}]}}", "3:38: release.hooks.before[0].command: names no program, write"),
    (
        "release: {hooks: {after: [{webhook: 'https://hooks.example.org/s3cret'}]}}",
        (
            "3:37: release.hooks.after[0].webhook: this is not a variable that holds an address, "
            "write `env:NAME`, and keep the address itself out of the manifest"
        ),
    ),
    ("release: {hooks: {during: []}}", "3:19: release.hooks: unknown key `during`, known: after, before"),
    ("release: {probe: {events: []}}", "3:27: release.probe.events: 0 events, at least 1 here"),
    (
        "release: {probe: {events: [a.json], per_minute: 0}}",
        "3:49: release.probe.per_minute: 0 events a minute is out of range, 1 to 6,000",
    ),
    (
        "release: {notify: [{sns: 'arn:aws:sns:eu-west-1:123456789012:news.fifo'}]}",
        "3:26: release.notify[0].sns: `arn:aws:sns:eu-west-1:123456789012:news.fifo` is not an ARN of an SNS topic",
    ),
    (
        "release: {notify: [{slack: env:A, webhook: env:B}]}",
        "3:20: release.notify[0]: must be one place, write for example `slack: env:SLACK_WEBHOOK`, each its own",
    ),
    (
        "release: {approval_timeout: 31 days}",
        "3:29: release.approval_timeout: 31 days is out of range, 1 min to 30 days",
    ),
]
# The resource `x`.
RESOURCES = [
    ("{}", "3:16: resources.x: must be one resource, write for example `dynamodb: {partition_key: id}`"),
    ("{dynamo: {}}", "3:17: resources.x: unknown resource `dynamo`, did you mean `dynamodb`?"),
    ("{s3: {}, sqs: {}}", "3:25: resources.x: a second resource in one, give each its own"),
    ("{s3: }", "3:21: resources.x.s3: must be a mapping, write for example `s3: {}`"),
    ("{s3: {version: true}}", "3:22: resources.x.s3: unknown key `version`, did you mean `versioned`?"),
    ("{dynamodb: {}}", "3:27: resources.x.dynamodb: the key `partition_key` is missing"),
    (
        "{dynamodb: {partition_key: id (X)}}",
        (
            "3:43: resources.x.dynamodb.partition_key: `id (X)` is not a key, "
            "write an attribute's name, with (N) or (B) behind it if it is no text"
        ),
    ),
    (
        "{dynamodb: {partition_key: id, sort_key: id}}",
        "3:57: resources.x.dynamodb.sort_key: `id` is the partition key already, name another",
    ),
    (
        "{dynamodb: {partition_key: id, stream: all}}",
        "3:55: resources.x.dynamodb.stream: `all` is not possible, known: keys-only, new-and-old-images, new-image",
    ),
    ("{sqs: {visibility: 13 h}}", "3:35: resources.x.sqs.visibility: 13 h is out of range, 0 s to 12 h"),
    ("{sqs: {retention: 15 days}}", "3:34: resources.x.sqs.retention: 15 days is out of range, 1 min to 14 days"),
    ("{sqs: {max_receives: 0}}", "3:37: resources.x.sqs.max_receives: 0 receives is out of range, 1 to 1,000"),
]
# Names a resource cannot have.
NAMES = [
    ("api", "resources: `api` is a part of every function, give the resource another name"),
    ("log-group", "resources: `log-group` is a part of every function, give the resource another name"),
    ("Table", "resources: `Table` is not a name, up to 40 of a-z, 0-9 and -, a letter first"),
]
# One trigger.
TRIGGERS = [
    ("http", '3:12: triggers[0]: must be one trigger, write for example `http: {routes: ["GET /"]}`'),
    ("{sns: {}}", "3:13: triggers[0]: unknown trigger `sns`, did you mean `sqs`?"),
    ("{kind: http, routes: []}", "3:13: triggers[0]: unknown trigger `kind`, known: cognito, enrichment, event,"),
    (
        "{http: {kind: http, routes: [$default]}}",
        "3:20: triggers[0].http: unknown key `kind`, known: authorizer, cors",
    ),
    ("{http: {routes: [GET /, GET /]}}", "3:36: triggers[0].http.routes[1]: `GET /` stands here twice, remove one"),
    (
        "{http: {routes: [$default], cors: {origins: ['*'], credentials: true}}}",
        "3:76: triggers[0].http.cors.credentials: credentials cannot be allowed to the origin `*`, name",
    ),
    (
        "{http: {routes: [$default], cors: {origins: [example.org]}}}",
        (
            "3:57: triggers[0].http.cors.origins[0]: `example.org` is "
            "not an origin, write for example `https://example.org`"
        ),
    ),
    (
        "{http: {routes: [$default], throttle: {rate: 0, burst: 1}}}",
        "3:57: triggers[0].http.throttle.rate: 0 requests a second is out of range, 1 to 10,000",
    ),
    (
        "{http: {routes: [$default], authorizer: {issuer: 'http://x', audience: [a]}}}",
        "3:61: triggers[0].http.authorizer.issuer: `http://x` is not an issuer, write its https URL",
    ),
    (
        (
            "{http: {routes: [$default], domain: "
            "{name: api, certificate: 'arn:aws:acm:eu-west-1:123456789012:certificate/1'}}}"
        ),
        "3:55: triggers[0].http.domain.name: `api` is not a host's name, write for example `api.example.org`",
    ),
    ("{function-url: {auth: jwt}}", "3:34: triggers[0].function-url.auth: `jwt` is not possible, known: iam, none"),
    (
        "{function-url: {cors: {origins: ['*'], methods: [GET, OPTIONS]}}}",
        "3:66: triggers[0].function-url.cors.methods[1]: a function URL answers OPTIONS itself, remove it",
    ),
    (
        "{sqs: {queue: 'arn:aws:sns:eu-west-1:123456789012:x'}}",
        "3:26: triggers[0].sqs.queue: `arn:aws:sns:eu-west-1:123456789012:x` is not a queue, write an own",
    ),
    (
        "{sqs: {queue: 'arn:aws:sqs:eu-west-1:123456789012:x', batch: 11}}",
        "3:73: triggers[0].sqs.batch: 11 messages of a queue need a window, write `window: 1 s` or more",
    ),
    (
        "{sqs: {queue: 'arn:aws:sqs:eu-west-1:123456789012:x', batch: 10001, window: 1 s}}",
        "3:73: triggers[0].sqs.batch: 10001 messages is out of range, 1 to 10,000",
    ),
    (
        "{sqs: {queue: 'arn:aws:sqs:eu-west-1:123456789012:x', window: 301 s}}",
        "3:74: triggers[0].sqs.window: 301 s is out of range, 0 s to 300 s",
    ),
    (
        "{sqs: {queue: 'arn:aws:sqs:eu-west-1:123456789012:x', max_concurrency: 1}}",
        "3:83: triggers[0].sqs.max_concurrency: 1 invocations is out of range, 2 to 1,000",
    ),
    (
        "{sqs: {queue: 'arn:aws:sqs:eu-west-1:123456789012:x.fifo', window: 1 s}}",
        "3:79: triggers[0].sqs.window: a FIFO queue knows no window, remove it",
    ),
    (
        "{sqs: {queue: 'arn:aws:sqs:eu-west-1:123456789012:x.fifo', batch: 20, window: 0 s}}",
        "3:78: triggers[0].sqs.batch: 20 messages of a queue need a window",
    ),
    (
        "{s3: {bucket: images, events: [create]}}",
        "3:43: triggers[0].s3.events[0]: `create` is not possible, did you mean `created`?",
    ),
    ("{schedule: {}}", '3:23: triggers[0].schedule: says no time, write `cron: "0 3 * * ? *"` or `rate: 5 min`'),
    (
        "{schedule: {cron: '0 3 * * ? *', rate: 5 min}}",
        "3:51: triggers[0].schedule.rate: either `cron` or `rate`, remove one",
    ),
    ("{schedule: {rate: 30 s}}", "3:30: triggers[0].schedule.rate: `30 s` is not a whole number of minutes"),
    ("{schedule: {rate: 0 min}}", "3:30: triggers[0].schedule.rate: 0 min is out of range, 1 min to 365 days"),
    (
        "{schedule: {rate: 5 min, timezone: Europe/Berlin}}",
        "3:47: triggers[0].schedule.timezone: a rate is the same in every time zone, remove it",
    ),
    (
        "{schedule: {cron: '0 3 * * ? *', timezone: Berlin}}",
        "3:55: triggers[0].schedule.timezone: `Berlin` is not a time zone, did you mean `Europe/Berlin`?",
    ),
    (
        "{schedule: {cron: '0 3 * * ? *', timezone: CEST}}",
        "3:55: triggers[0].schedule.timezone: `CEST` is not a time zone, did you mean",
    ),
    (
        "{schedule: {cron: '0 3 * * *'}}",
        "3:30: triggers[0].schedule.cron: `0 3 * * *` has 5 fields, not 6, write `0 3 * * ? *`",
    ),
    (
        "{schedule: {cron: '0 3 * * MON'}}",
        "3:30: triggers[0].schedule.cron: `0 3 * * MON` has 5 fields, not 6, write `0 3 ? * MON *`",
    ),
    (
        "{schedule: {cron: '0 3 * * * *'}}",
        (
            "3:30: triggers[0].schedule.cron: one of day-of-month and day-of-week must be `?`, and not both, "
            "write `0 3 * * ? *`"
        ),
    ),
    (
        "{schedule: {cron: '0 3 * * MON *'}}",
        (
            "3:30: triggers[0].schedule.cron: one of day-of-month and day-of-week must be `?`, and not both, "
            "write `0 3 ? * MON *`"
        ),
    ),
    (
        "{schedule: {cron: 'cron(0 3 * * ? *)'}}",
        "3:30: triggers[0].schedule.cron: `cron(0 3 * * ? *)` has `cron(…)` around it, write `0 3 * * ? *`",
    ),
    (
        "{schedule: {cron: '60 3 * * ? *'}}",
        "3:30: triggers[0].schedule.cron: `60` cannot stand in the field minutes, 0 to 59, lists, ranges or `*`",
    ),
    (
        "{schedule: {cron: '0 3 ? * 0 *'}}",
        (
            "3:30: triggers[0].schedule.cron: `0` cannot stand in the field day-of-week, "
            "1 to 7 or SUN to SAT, lists, ranges or `*`"
        ),
    ),
    ("{schedule: {rate: 1 h, payload: .inf}}", "3:44: triggers[0].schedule.payload: cannot be written as JSON"),
    ("{event: {}}", "3:20: triggers[0].event: the key `pattern` is missing"),
    ("{event: {pattern: {}}}", "3:30: triggers[0].event.pattern: must say which events: a mapping of their fields"),
    (
        "{event: {pattern: {detail: {kind: paid}}}}",
        "3:46: triggers[0].event.pattern.detail.kind: must be a list of what matches, write `kind: [paid]`",
    ),
    (
        f"{{event: {{pattern: {{source: [{'x' * 2048}]}}}}}}",
        "3:30: triggers[0].event.pattern: takes 2063 characters, EventBridge takes 2048",
    ),
    (
        "{stream: {source: 'arn:aws:kinesis:eu-west-1:123456789012:stream/x', batch: 20000}}",
        "3:88: triggers[0].stream.batch: 20000 records is out of range, 1 to 10,000",
    ),
    (
        "{cognito: {user_pool: pool, trigger: pre-sign-up}}",
        "3:34: triggers[0].cognito.user_pool: `pool` is not a user pool's id, write for example",
    ),
    (
        "{cognito: {user_pool: eu-west-1_AbC, trigger: pre-sign-up, version: V2_0}}",
        "3:80: triggers[0].cognito.version: `pre-sign-up` has one version only, remove it",
    ),
]
# One entry of access.
ACCESS = [
    ("table", "3:10: access[0]: must be a mapping, write for example `{to: table, allow: [read]}`"),
    ("{to: 'arn:aws:s3:::x'}", "3:10: access[0]: the key `allow` is missing"),
    ("{to: 'arn:aws:s3:::x', allow: [read], too: x}", "3:48: access[0]: unknown key `too`, did you mean `to`?"),
    (
        "{to: 'arn:aws:s3:::x', allow: [Get*]}",
        "3:41: access[0].allow[0]: `Get*` is not something to allow, known: delete, read, write, or an API's name",
    ),
    ("{to: 'arn:aws:s3:::x', allow: []}", "3:40: access[0].allow: 0 permissions, at least 1 here"),
    (
        "{to: 'arn:aws:s3:::x', allow: [send]}",
        "3:41: access[0].allow[0]: `send` means nothing for s3, possible: read, write, delete",
    ),
    (
        "{to: 'arn:aws:sns:eu-west-1:123456789012:x', allow: [read]}",
        "3:63: access[0].allow[0]: `read` means nothing for sns, write the API's names, for example `Publish`",
    ),
    (
        "{actions: ['*'], resources: ['*'], reason: x}",
        "3:21: access[0].actions[0]: `*` is not an action, write service and API, for example `ses:SendEmail`",
    ),
    (
        "{actions: ['ses:*'], resources: ['*'], reason: x}",
        "3:21: access[0].actions[0]: `ses:*` is not an action, write service and API",
    ),
    (
        "{actions: ['ses:SendEmail'], resources: ['*']}",
        "3:51: access[0].resources[0]: `*` is every resource of the account, name them, or write a `reason`",
    ),
]
