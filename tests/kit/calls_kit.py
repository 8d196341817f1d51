"""Every call of AWS that passes a door on loopback, as the action and the resource that IAM would be asked about.

Whoever finds the embedded AWS by `variables` (verbs, Terraform) goes through the door. Which action a request is, is
MiniStack's reading of IAM's rules; what it reads otherwise than AWS is put right here.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import edge_kit
from botocore.session import Session
from ministack.core import iam_actions

from pipeline import local

ACCOUNT, REGION = "000000000000", "us-east-1"
FREE = frozenset({"sts:GetCallerIdentity"})  # nobody can be denied this
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")
_ROLE = re.compile(rb"arn:aws:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")
_PASSING = {"CreateFunction", "CreatePipe", "CreateSchedule", "CreateStateMachine", "PutTargets"}
_CALLED = {"cloudcontrolapi": "cloudcontrol"}
_NAMED = {
    ("cloudwatch:", "DashboardName"): f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{{}}",
    ("events:", "ArchiveName"): f"arn:aws:events:{REGION}:{ACCOUNT}:archive/{{}}",
    ("lambda:CreateFunction", "FunctionName"): f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
}
_OTHERWISE = {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction", "InvokeAsync": "InvokeFunction"}


@dataclass(frozen=True, order=True)
class Asked:
    """What IAM is asked: may this be done to that? `passed_to`: the service a role is handed to."""

    action: str
    resource: str
    passed_to: str = ""
    function: str = ""  # whose event source mapping it is
    absent: bool = False  # written only where nothing is
    boundary: str = ""  # the permissions boundary of the role it is done to, or gets by it

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def asked(service: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Iterator[Asked]:
    """What one signed request asks of IAM."""
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    form = dict(parse_qsl(body.decode())) if "x-www-form-urlencoded" in headers.get("content-type", "") else {}
    path = unquote(url.path)
    service = _CALLED.get(service, service)
    if service == "lambda":
        action: str | None = f"lambda:{_lambda(method, path)}"
    else:
        action = iam_actions.extract_iam_action(service, method, url.path, dict(headers), body, query | form)
    assert action is not None, f"{service} {method} {target}"
    resource = iam_actions.extract_resource_arn(
        service, method, url.path, dict(headers), body, query | form, REGION, ACCOUNT
    )
    if action == "events:PutEvents":  # each entry says its bus
        for bus in sorted({str(one.get("EventBusName") or "default") for one in json.loads(body)["Entries"]}):
            yield Asked(action, bus if bus.startswith("arn:") else f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}")
        return
    if resource == "*":
        resource = _named(action, path, json.loads(body) if body.startswith(b"{") else form)
    if action == "lambda:InvokeFunction" and query.get("Qualifier") and not resource.endswith(f":{query['Qualifier']}"):
        resource += f":{query['Qualifier']}"
    # A request names a role without its path, and IAM looks it up.
    resource = resource.replace(":role/github-", ":role/crabwalk/github-")
    yield Asked(
        action,
        resource,
        function=_mapped(action, body),
        absent=headers.get("if-none-match") == "*",
        boundary=form.get("PermissionsBoundary", ""),
    )
    if action.partition(":")[2] in _PASSING:
        for role in sorted(set(_ROLE.findall(body))):
            yield Asked("iam:PassRole", role.decode(), passed_to=f"{service}.amazonaws.com")


def _named(action: str, path: str, said: Mapping[str, Any]) -> str:
    """The resource of a request that names it where MiniStack does not look."""
    for key in ("ResourceARN", "ResourceArn", "resourceArn", "OpenIDConnectProviderArn", "PolicyArn"):
        if key in said:
            return str(said[key])
    if found := re.search(r"/tags/(arn:.+)", path):
        return found[1]
    for key, form in _NAMED.items():
        if action.startswith(key[0]) and key[1] in said:
            return form.format(said[key[1]])
    return "*"


def _mapped(action: str, body: bytes) -> str:
    """The function of an event source mapping; any of ours where the request does not say it."""
    if "EventSourceMapping" not in action:
        return ""
    name = json.loads(body).get("FunctionName", "") if body else ""
    return str(name)


@cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Lambda's operations as botocore knows them, the most literal paths first."""
    model = Session().get_service_model("lambda")
    found = []
    for name in model.operation_names:
        said = model.operation_model(name).http
        parts = re.split(r"(\{[^}]+\})", said["requestUri"].partition("?")[0])
        pattern = "".join(
            ("[^/]+" if not part.endswith("+}") else ".+") if "{" in part else re.escape(part) for part in parts
        )
        found.append((said["method"], re.compile(pattern.rstrip("/") + "/?"), name))
    return tuple(sorted(found, key=lambda route: -len(re.sub(r"\[\^/\]\+", "", route[1].pattern))))


def _lambda(method: str, path: str) -> str:
    for known, pattern, name in _routes():
        if known == method and pattern.fullmatch(path):
            return _OTHERWISE.get(name, name)
    raise AssertionError(f"lambda {method} {path}")


class Door:
    """A door to the embedded AWS that keeps what passes."""

    def __init__(self, running: local.Running, folder: Path) -> None:
        self.asked: set[Asked] = set()
        self.unread: list[str] = []
        self.instead: dict[str, list[Callable[[bytes], Any]]] = {}  # by action: answers in place of AWS's, each once
        self._iam, self._secrets = edge_kit.client(running, "iam"), edge_kit.client(running, "secretsmanager")
        self._news = threading.Condition()
        door = self

        class Handler(_Handler):
            where = urlsplit(running.endpoint).netloc
            keep = staticmethod(door.keep)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        state = json.loads((running.data_dir / "server.json").read_text()) | {"endpoint": self.endpoint}
        folder.mkdir()
        (folder / "server.json").write_text(json.dumps(state))
        self.variables = {"CRABWALK_LOCAL_DIR": str(folder)}

    @contextmanager
    def open(self) -> Iterator[Door]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def waited(self, action: str, seconds: float = 30.0) -> bool:
        """Wait until this is asked; whether it was."""
        with self._news:
            return self._news.wait_for(lambda: any(one.action == action for one in self.asked), seconds)

    def keep(self, *request: Any) -> bytes | None:
        """What just came, and what to answer in place of AWS.

        What cannot be told is told at the end, because nobody listens to a thread.
        """
        with self._news:
            try:
                found = set(map(self._looked_up, asked(*request)))
                self.asked |= found
                self._news.notify_all()
                answers = [one for each in found for one in self.instead.get(each.action, ())]
                if answers:
                    for each in self.instead.values():
                        each[:] = [one for one in each if one is not answers[0]]
                    return json.dumps(answers[0](request[-1])).encode()
            except Exception as fault:  # noqa: BLE001
                self.unread.append(f"{request[0]} {request[1]} {request[2]}: {fault!r}")
        return None

    def _looked_up(self, one: Asked) -> Asked:
        """With what no request says and IAM looks up: the boundary of a role that gets rights, a secret's ARN."""
        if one.action == "secretsmanager:GetSecretValue":
            arns = [each["ARN"] for each in self._secrets.list_secrets()["SecretList"]]
            found = [arn for arn in arns if arn.rpartition("-")[0] == one.resource]  # as asked for by its name
            return replace(one, resource=found[0]) if found else one
        if one.action != "iam:PutRolePolicy":
            return one
        role = self._iam.get_role(RoleName=one.resource.rpartition("/")[2])["Role"]
        return replace(one, boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))

    @contextmanager
    def recorded(self) -> Iterator[set[Asked]]:
        """What is asked meanwhile, by nobody else."""
        self.asked.clear()
        found: set[Asked] = set()
        yield found
        assert self.unread == []
        found |= {one for one in self.asked if one.action not in FREE}


class _Handler(BaseHTTPRequestHandler):
    """Passes a request on, and the answer back in one piece.

    AWS's SDK for Go closes the request once an answer begins. Where that is faster than the goroutine which still looks
    for the request's end, the connection is closed too; a body that is not there yet is lost, and the SDK asks again:
    what it makes a second time "already exists". Written after its head, a body waits 40 ms for an acknowledgement.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20
    disable_nagle_algorithm = True
    where: ClassVar[str]
    keep: ClassVar[Any]

    def _pass(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
        if scope := _SCOPE.search(headers.get("authorization", "")):
            instead = self.keep(scope["service"], self.command, self.path, headers, body)
            if instead is not None:
                self._answer(HTTPStatus.OK, [("Content-Type", "application/x-amz-json-1.1")], instead)
                return
        headers |= {"host": self.where, "content-length": str(len(body)), "connection": "close"}
        far = http.client.HTTPConnection(self.where, timeout=120)
        far.request(self.command, self.path, body, headers)
        answer = far.getresponse()
        content = answer.read()
        far.close()
        length = answer.getheader("content-length") if self.command == "HEAD" else None
        self._answer(answer.status, answer.getheaders(), content, length, answer.reason)

    def _answer(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        content: bytes,
        length: str | None = None,
        reason: str | None = None,
    ) -> None:
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _pass  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_: object) -> None:
        return
