"""GitHub's REST API on loopback: comments, issues, deployments, tokens with permissions, pages, and faults."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAME = "acme/shop"
LIMIT = 65_536
Answer = tuple[int, Mapping[str, str], Any]


@dataclass
class FakeGitHub:
    """`tokens` says what each may; `faults` are answers that come first, one a call; None = a connection cut."""

    tokens: Mapping[str, Mapping[str, str]]
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Answer | None] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    page: int = 100
    late: bool = False  # a fault comes after the call was carried out
    url: str = ""

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> Answer | None:
        """What GitHub answers, and does."""
        self.calls.append((method, target))
        fault = self.faults.pop(0) if self.faults else "none"
        if fault != "none" and not self.late:
            return fault  # type: ignore[return-value]
        done = self._done(method, target, headers, body)
        return done if fault == "none" else fault  # type: ignore[return-value]

    def _done(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> Answer:  # noqa: PLR0911
        given = self.tokens.get(headers.get("authorization", "").removeprefix("Bearer "))
        if given is None:
            return 401, {}, {"message": "Bad credentials"}
        url = urlsplit(target)
        deployment = re.fullmatch(rf"/repos/{NAME}/deployments(?:/(\d+)/statuses)?", url.path)
        if deployment is not None:
            if given.get("deployments") != "write":
                return 403, {}, {"message": "Resource not accessible by integration"}
            return self._deployed(method, url.query, int(deployment[1] or 0), body)
        route = re.fullmatch(rf"/repos/{NAME}/issues(?:/(comments))?(?:/(\d+))?(?:/(comments))?", url.path)
        if route is None:
            return 404, {}, {"message": "Not Found"}
        of_comments = bool(route[1] or route[3])
        right = "pull-requests" if of_comments else "issues"
        if given.get(right) != "write":
            return 403, {}, {"message": "Resource not accessible by integration"}
        if body is not None and len(body.get("body", "")) > LIMIT:
            said = {"code": "custom", "message": "body is too long (maximum is 65536 characters)"}
            return 422, {}, {"message": "Validation Failed", "errors": [said]}
        number = int(route[2] or 0)
        if method == "GET":
            return self._listed(url.path, url.query, number, of_comments=of_comments)
        if method == "POST":
            return 201, {}, self._made(number, body, of_comments=of_comments)
        found = next((one for one in (self.comments if of_comments else self.issues) if number in _numbers(one)), None)
        if found is None:
            return 404, {}, {"message": "Not Found"}
        found.update(body)
        return 200, {}, found

    def _listed(self, path: str, query: str, number: int, *, of_comments: bool) -> Answer:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if of_comments:
            every = [one for one in self.comments if one["on"] == number]
        else:
            every = [one for one in self.issues if one["state"] == "open" and asked["labels"] in one["labels"]]
        page = int(asked.get("page", 1))
        more = len(every) > page * self.page
        rest = query.replace(f"&page={page}", "")
        link = {"Link": f'<{self.url}{path}?{rest}&page={page + 1}>; rel="next"'} if more else {}
        return 200, link, every[(page - 1) * self.page : page * self.page]

    def _made(self, number: int, body: Mapping[str, Any], *, of_comments: bool) -> dict[str, Any]:
        made = {**body, "user": {"type": "Bot"}, "author_association": "NONE"}
        if of_comments:
            made |= {"id": len(self.comments) + 1, "on": number, "html_url": f"https://github.com/{NAME}/pull/{number}"}
            self.comments.append(made)
        else:
            made |= {"number": len(self.issues) + 1, "state": "open", "html_url": f"https://github.com/{NAME}/issues/1"}
            self.issues.append(made)
        return made

    def _deployed(self, method: str, query: str, number: int, body: Any) -> Answer:
        """Deployments and their statuses, each list with the newest first."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        most = int(asked.pop("per_page", 30))
        if number:
            statuses = next(one["statuses"] for one in self.deployments if one["id"] == number)
            if method == "GET":
                return 200, {}, statuses[:most]
            if len(body["description"]) > 140:
                return 422, {}, {"message": "Validation Failed", "errors": [{"code": "description is too long"}]}
            statuses.insert(0, body)
            return 201, {}, body
        if method == "GET":
            fit = [one for one in self.deployments if all(one[name] == value for name, value in asked.items())]
            return 200, {}, [{**one, "statuses": None} for one in fit[:most]]
        made = {**body, "id": len(self.deployments) + 1, "sha": body["ref"], "statuses": []}
        self.deployments.insert(0, made)
        return 201, {}, made

    def states(self, service: str, commit: str = "") -> list[str]:
        """What became of a service's deployments of a commit, in order."""
        fit = [
            one
            for one in reversed(self.deployments)
            if one["task"] == f"deploy:{service}" and one["ref"].startswith(commit)
        ]
        return [status["state"] for one in fit for status in reversed(one["statuses"])]

    @contextmanager
    def serving(self) -> Iterator[FakeGitHub]:
        """Answers on `url`."""
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer)) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


def _numbers(one: Mapping[str, Any]) -> set[int]:
    return {one[key] for key in ("id", "number") if key in one}


def _handler(answer: Callable[..., Answer | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = answer(self.command, self.path, headers, body)
            if found is None:
                self.close_connection = True
                return
            code, extra, said = found
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(code)
            for name, value in {**extra, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PATCH = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler
