"""What a service has around it: there before its first release, and taken away only when no version needs it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

from shop_kit import HELLO, REPOSITORY, Scratch

from pipeline import local
from pipeline.aws import client
from pipeline.cli.demo import GOOD
from pipeline.local.traffic import Traffic

MANIFEST = "services/hello/service.yaml"
TRIGGERS = """triggers:
  - http: {routes: ["GET /"]}
"""
MORE = """resources:
  table: {dynamodb: {partition_key: id, stream: new-image}}
  audit: {event-bus: {}}
  token: {secret: {}}
secrets: {TOKEN: "${services.hello.token}", DB: team/db}
access:
  - {to: table, allow: [read, write]}
  - {to: "${services.hello.audit}", allow: [publish]}
triggers:
  - http: {routes: ["GET /", "GET /old"]}
  - stream: {source: table}
  - schedule: {rate: 365 days}
"""
LESS = """resources:
  table: {dynamodb: {partition_key: id}}
  audit: {event-bus: {}}
  token: {secret: {}}
secrets: {TOKEN: "${services.hello.token}", DB: team/db}
access:
  - {to: table, allow: [read]}
triggers:
  - http: {routes: ["GET /", "GET /new"]}
"""
STEP = "{traffic: 10 %, bake: 2 s}"


class Around:
    """The project, and what AWS has around its function."""

    def __init__(self, root: Path) -> None:
        self.here = Scratch.make(root, "around")

    def declare(self, before: str, after: str, steps: str, commit: str) -> None:
        self.here.replace(MANIFEST, before, after)
        self.here.walk_in("hello", steps)
        self.here.replace(MANIFEST, f"steps: [{steps}]", f"steps: [{steps}], rollback_window: 0 s")
        self.here.commit(commit)

    def deploy(self) -> str:
        done = self.here.crabwalk("deploy", "hello", "--env", "local")
        assert done.code == 0, done.said
        return done.said

    def says_what_stays(self) -> None:
        """The plan of a commit that takes things away, before any of it goes."""
        planned = self.here.crabwalk("plan", "hello", "--env", "local")
        (line,) = [one for one in planned.said.splitlines() if "stays until no version needs it" in one]
        for one in ("GET /old", "events:PutEvents on ", "dynamodb:PutItem", "the stream of table", "(schedule)"):
            assert one in line
        assert not [one for one in planned.lines if one.startswith("drift")], "AWS filled it in, or a sibling set it"

    def status(self, path: str) -> int:
        url = self.here.status()["url"].rstrip("/") + path
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310 - the embedded AWS's own address
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def sources(self) -> list[str]:
        found = client(self.here.env, "lambda").list_event_source_mappings()["EventSourceMappings"]
        mine = [one for one in found if self.here.function() in one["FunctionArn"]]
        return [one["FunctionArn"].rpartition(":")[2] for one in mine]

    def allowed(self) -> set[str]:
        iam, role = client(self.here.env, "iam"), self.here.function()
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        found = [json.loads(one) if isinstance(one, str) else one for one in documents]
        actions = [statement["Action"] for one in found for statement in one["Statement"]]
        return {action for some in actions for action in ([some] if isinstance(some, str) else some)}


def test_what_a_commit_takes_away_stays_until_no_version_needs_it(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    around = Around(tmp_path / "repository")
    here = around.here
    variables = 'environment: {RUST_LOG: info, TABLE: "${services.hello.table.name}"}'
    here.replace(MANIFEST, "environment: {RUST_LOG: info}", variables)
    around.declare(TRIGGERS, MORE, "", "everything around it")
    assert here.crabwalk("bootstrap", "local").code == 0
    around.deploy()
    function = client(here.env, "lambda").get_function_configuration(FunctionName=here.function(), Qualifier="1")
    assert function["Environment"]["Variables"]["TABLE"] == "around-local-hello-table"
    secret = client(here.env, "secretsmanager").describe_secret(SecretId="around-local-hello-token")["ARN"]
    assert function["Environment"]["Variables"]["TOKEN"] == secret, "where it is, never what it is"
    assert function["Environment"]["Variables"]["DB"].endswith(":secret:team/db")
    assert client(here.env, "dynamodb").describe_table(TableName="around-local-hello-table")
    assert around.sources() == ["live"], "a trigger leads to the alias"
    assert {"dynamodb:Query", "dynamodb:PutItem", "events:PutEvents"} <= around.allowed()
    schedules = client(here.env, "scheduler").list_schedules()["Schedules"]
    assert [one["Target"]["Arn"].rpartition(":")[2] for one in schedules if "around" in one["Name"]] == ["live"]

    # In mid-walk the old version still has its routes, its permissions and its stream; the new one has its own.
    here.write(HELLO, (REPOSITORY / HELLO).read_text().replace(*GOOD))
    around.declare(MORE, LESS, STEP, "less around it")
    around.says_what_stays()
    walking = here.start("deploy", "hello", "--env", "local")
    with Traffic(here.status()["url"], rate=100):
        here.until_walking(walking)
        assert [around.status(path) for path in ("/", "/old", "/new")] == [200, 200, 200]
        assert around.sources() == ["live"]
        assert {"dynamodb:Query", "dynamodb:PutItem", "events:PutEvents"} <= around.allowed()
        done = walking.end()
    assert done.code == 0, done.said
    assert here.alias()["FunctionVersion"] == "2"
    assert around.status("/old") == 200

    # Nobody needs it any more: the next deploy takes it away, and the one after that has nothing to do.
    planned = here.crabwalk("plan", "hello", "--env", "local").lines
    assert re.fullmatch(r"no release; Terraform changes \d+ things", planned[-1]), planned
    said = around.deploy()
    assert "delete" in said
    assert "affects no service in `local`; Terraform changed stack web" in said
    assert [around.status(path) for path in ("/", "/old", "/new")] == [200, 404, 200]
    assert around.sources() == []
    assert not {"dynamodb:PutItem", "events:PutEvents"} & around.allowed()
    assert "terraform" not in around.deploy()
