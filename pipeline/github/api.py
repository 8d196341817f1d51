"""GitHub's REST API over urllib. The token goes to the API's own host and nowhere else, and into no message.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from pipeline import __version__
from pipeline.errors import GitHubError, UsageError

TIMEOUT_S = 20.0
ATTEMPTS = 4
LONGEST_WAIT_S = 60.0  # for a limit to pass; whoever has to wait longer is told
MOST_PAGES = 50  # of a hundred
_VERSION = "2022-11-28"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_REASONS: Mapping[int, tuple[str, str]] = {
    401: ("does not accept the token", "check GITHUB_TOKEN; in a workflow: `env: {GITHUB_TOKEN: ${{ github.token }}}`"),
    403: (
        "does not let this token do that",
        "the job needs `pull-requests: write`, for an issue `issues: write`, for a deployment `deployments: write`",
    ),
    404: ("has no such thing, or does not show it to this token", "check the repository, the number and the token"),
    410: ("has no issues in this repository", "turn them on in the repository's settings, or do without"),
    422: ("finds that invalid", "this is a fault of crabwalk: please report it with this message"),
}


class UnsureError(GitHubError):
    """Nobody can tell whether the call was carried out: no answer, or a server's own fault."""


@dataclass(frozen=True)
class Api:
    """One repository at GitHub. `pause` waits so many seconds."""

    url: str
    repository: str
    token: str
    pause: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, environ: Mapping[str, str], pause: Callable[[float], None] = time.sleep) -> Api:
        """The API as a workflow's job knows it; UsageError where a variable is missing or would give the token away."""
        token, repository = environ.get("GITHUB_TOKEN", ""), environ.get("GITHUB_REPOSITORY", "")
        if not token:
            raise UsageError(
                "GITHUB_TOKEN is not set", hint="in a workflow: `env: {GITHUB_TOKEN: ${{ github.token }}}`"
            )
        if repository.count("/") != 1 or not all(repository.split("/")):
            raise UsageError("GITHUB_REPOSITORY is not set", hint="a workflow sets it; elsewhere it is ORG/REPO")
        url = environ.get("GITHUB_API_URL") or "https://api.github.com"
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise UsageError(f"GITHUB_API_URL is `{url}`, and a token goes over https only", hint="correct it")
        return cls(url.rstrip("/"), repository, token, pause)

    def get(self, path: str) -> Any:
        """Read `path` below the repository."""
        return self._again("GET", self._at(path), None)[0]

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a list, a hundred a call."""
        url: str | None = f"{self._at(path)}{'&' if '?' in path else '?'}per_page=100"
        for _ in range(MOST_PAGES):
            if url is None:
                return
            items, link = self._again("GET", url, None)
            yield from items
            url = self._next(link)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change what is there; repeating it does no harm, so it is repeated where the answer is lost."""
        return self._again("PATCH", self._at(path), body)[0]

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make something. Made once: UnsureError where it may have been made, and the caller has to look."""
        return self._again("POST", self._at(path), body)[0]

    def _at(self, path: str) -> str:
        return f"{self.url}/repos/{self.repository}/{path}"

    def _next(self, link: str) -> str | None:
        """The next page, which is on the same host: a token goes to no other."""
        for part in link.split(","):
            where, _, rel = part.partition(";")
            url = where.strip().strip("<>")
            if 'rel="next"' in rel and urlsplit(url)[:2] == urlsplit(self.url)[:2]:
                return url
        return None

    def _again(self, method: str, url: str, body: Mapping[str, Any] | None) -> tuple[Any, str]:
        """Call, and call again where that may help: a limit that passes, or a fault of a call that may be repeated."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._call(method, url, body)
            except _LimitedError as limit:
                if attempt == ATTEMPTS or limit.wait_s > LONGEST_WAIT_S:
                    raise GitHubError(
                        f"GitHub's limit of calls is reached for another {limit.wait_s:.0f} s",
                        where=f"{method} {urlsplit(url).path}",
                        hint="run the job again later",
                    ) from None
                self.pause(limit.wait_s)
            except UnsureError:
                if attempt == ATTEMPTS or method == "POST":
                    raise
                self.pause(2.0**attempt)
        raise AssertionError  # the loop returns or raises

    def _call(self, method: str, url: str, body: Mapping[str, Any] | None) -> tuple[Any, str]:
        where = f"{method} {urlsplit(url).path}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "User-Agent": f"crabwalk/{__version__}",
            "X-GitHub-Api-Version": _VERSION,
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - its scheme was checked
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read() or b"null"), answer.headers.get("Link", "")
        except urllib.error.HTTPError as refused:
            with refused:
                raise _fault(refused, where) from None
        except (OSError, HTTPException, ValueError) as fault:
            reason = getattr(fault, "reason", None) or fault
            raise UnsureError(f"GitHub cannot be reached: {reason}", where=where, hint="run the job again") from None


class _LimitedError(Exception):
    """GitHub asks to wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: a redirect would take the token along."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Staying)


def _fault(refused: urllib.error.HTTPError, where: str) -> Exception:
    """What an answer that is none means."""
    code, said = refused.code, _message(refused)
    if (wait_s := _limited(refused, said)) is not None:
        return _LimitedError(wait_s)
    if code >= 500:
        return UnsureError(f"GitHub has trouble of its own ({code})", where=where, hint="run the job again")
    if code < 400:
        return GitHubError("the repository has moved", where=where, hint="GITHUB_REPOSITORY names where it was")
    what, hint = _REASONS.get(code, ("refuses that", "see the message"))
    return GitHubError(f"GitHub {what} ({code}{f': {said}' if said else ''})", where=where, hint=hint)


def _limited(refused: urllib.error.HTTPError, said: str) -> float | None:
    """How long to wait where a limit is the reason, primary or secondary; None for another."""
    if refused.code not in {403, 429}:
        return None
    headers = refused.headers
    after = headers.get("Retry-After", "")
    if after.isdigit():
        return float(after)
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and reset.isdigit():
        return max(1.0, float(reset) - time.time())
    return LONGEST_WAIT_S if refused.code == 429 or "rate limit" in said.lower() else None


def _message(refused: urllib.error.HTTPError) -> str:
    """What GitHub says about it, in one short line; never what we sent."""
    try:
        told = json.loads(refused.read(65_536))
        words = [str(told["message"]), *(str(one.get("message") or one.get("code")) for one in told.get("errors", ()))]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, HTTPException):
        return ""
    return " ".join(" ".join(words).split())[:300]
