"""`crabwalk post` against GitHub's API on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import verb_kit
from github_kit import LIMIT, NAME, FakeGitHub

from pipeline.cli import run
from pipeline.github import api
from pipeline.github.text import body, marker

TOKEN = "ghs_secret"
TO = ("--env", "staging", "--pull-request", "12")
DRIFT = ("--env", "staging", "--issue", "Drift in staging")
MARK = marker("shop", "staging", "pull request")


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    verb_kit.place(tmp_path / "project", "shop")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(api.time, "sleep", lambda _: None)
    with FakeGitHub({TOKEN: {"pull-requests": "write", "issues": "write"}}).serving() as serving:
        for name, value in {"TOKEN": TOKEN, "API_URL": serving.url, "REPOSITORY": NAME}.items():
            monkeypatch.setenv(f"GITHUB_{name}", value)
        yield serving


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for; nobody waits."""
    found: list[float] = []
    monkeypatch.setattr(api.Api, "of", classmethod(_of(api.Api.of.__func__, found)))  # type: ignore[attr-defined]
    return found


def _of(real, found):
    return lambda cls, environ: real(cls, environ, found.append)


def written(text: str) -> str:
    Path("said.md").write_text(text)
    return "said.md"


def stranger(text: str) -> dict[str, object]:
    return {"id": 900, "on": 12, "body": text, "user": {"type": "User"}, "author_association": "NONE"}


def test_a_comment_is_made_once_and_then_updated_in_place(
    github: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["post", written("# one\n"), *TO]) == 0
    assert capsys.readouterr().out == f"the comment of `staging` on #12: created https://github.com/{NAME}/pull/12\n"
    assert run(["post", written("# two\n"), *TO]) == 0
    assert run(["post", written("# two\n"), *TO, "--output", "json"]) == 0
    assert '"did": "unchanged"' in capsys.readouterr().out
    (comment,) = github.comments
    assert comment["body"] == f"{MARK}\n# two\n"
    assert [method for method, _ in github.calls] == ["GET", "POST", "GET", "PATCH", "GET"]


def test_each_environment_has_its_own(github: FakeGitHub) -> None:
    file = Path("crabwalk.yaml")
    file.write_text(
        file.read_text().replace("{staging: ", "{live: {account: '111122223333', region: eu-west-1}, staging: ")
    )
    for env in ("staging", "live"):
        assert run(["post", written(env), "--env", env, "--pull-request", "12"]) == 0
    assert [one["body"].splitlines()[1] for one in github.comments] == ["staging", "live"]


def test_it_is_found_among_pages_of_others_and_not_mistaken(github: FakeGitHub) -> None:
    github.page = 3
    github.comments += [stranger(f"talk {number}") for number in range(7)]
    github.comments.append(stranger(f"{MARK}\nput there by somebody else"))
    assert run(["post", written("first"), *TO]) == 0
    assert run(["post", written("second"), *TO]) == 0
    assert [one["body"] for one in github.comments[7:]] == [
        f"{MARK}\nput there by somebody else",
        f"{MARK}\nsecond\n",
    ]


def test_an_issue_is_opened_updated_and_closed(github: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["post", "absent.md", *DRIFT]) == 0
    assert capsys.readouterr().out == "the issue `Drift in staging`: there is none, and nothing to say\n"
    for text in ("one stack", "two stacks", ""):
        assert run(["post", written(text), *DRIFT]) == 0
    (issue,) = github.issues
    assert (issue["title"], issue["state"], issue["labels"]) == ("Drift in staging", "closed", ["crabwalk"])
    assert issue["body"].endswith("two stacks\n")
    assert run(["post", written("again"), *DRIFT]) == 0
    assert [one["state"] for one in github.issues] == ["closed", "open"]


def test_what_is_too_long_is_cut_where_a_line_ends_and_closed(github: FakeGitHub) -> None:
    text = "# plan\n<details>\n\n```\n" + "a line of the plan, with é\n" * 5_000
    assert run(["post", written(text), *TO]) == 0
    said = github.comments[0]["body"]
    assert len(said) <= LIMIT
    assert said.endswith("```\n</details>\n\n*Cut here: the whole text is in the job's summary.*\n")
    assert body(MARK, "x" * 100_000).count("x") > 65_000


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((401, {}, {"message": "Bad credentials"}), "GitHub does not accept the token (401: Bad credentials)"),
        ((403, {}, {"message": "Resource not accessible"}), "GitHub does not let this token do that (403"),
        ((404, {}, {"message": "Not Found"}), "GitHub has no such thing, or does not show it to this token (404"),
        ((410, {}, {"message": "Issues are disabled"}), "GitHub has no issues in this repository (410"),
        ((422, {}, {"message": "No", "errors": [{"code": "custom"}]}), "GitHub finds that invalid (422: No custom)"),
        ((301, {"Location": "https://elsewhere.example/"}, b""), "the repository has moved"),
        ((200, {}, b"<html>"), "GitHub cannot be reached"),
    ],
)
def test_what_github_refuses(fault, said, github: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> None:
    github.faults = [fault] * 9
    assert run(["post", written("x"), *TO]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {said}")
    assert "\n  next: " in err
    assert TOKEN not in err


def test_a_limit_that_passes_is_waited_for(github: FakeGitHub, waits: list[float]) -> None:
    secondary = {"message": "You have exceeded a secondary rate limit"}
    github.faults = [(403, {"Retry-After": "7"}, {}), (429, {}, {}), (403, {}, secondary)]
    assert run(["post", written("x"), *TO]) == 0
    assert waits == [7.0, 60.0, 60.0]


def test_a_limit_that_lasts_is_told(github: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1800)}
    github.faults = [(403, reset, {"message": "API rate limit exceeded"})]
    assert run(["post", written("x"), *TO]) == 1
    assert capsys.readouterr().err.startswith("error: GitHub's limit of calls is reached for another 1")


@pytest.mark.parametrize("fault", [(502, {}, b"bad gateway"), None])
def test_trouble_that_passes_is_tried_again(fault, github: FakeGitHub, waits: list[float]) -> None:
    github.faults = [fault, fault]
    assert run(["post", written("x"), *TO]) == 0
    assert len(github.comments) == 1
    assert waits == [2.0, 4.0]


@pytest.mark.parametrize("fault", [(502, {}, b"bad gateway"), None])
def test_a_comment_whose_answer_was_lost_is_not_made_twice(fault, github: FakeGitHub) -> None:
    github.late = True
    github.faults = ["none", fault]  # type: ignore[list-item]
    assert run(["post", written("x"), *TO]) == 0
    assert len(github.comments) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITHUB_TOKEN", "", "GITHUB_TOKEN is not set"),
        ("GITHUB_REPOSITORY", "", "GITHUB_REPOSITORY is not set"),
        ("GITHUB_API_URL", "http://github.example", "a token goes over https only"),
    ],
)
@pytest.mark.usefixtures("github")
def test_what_the_job_must_give(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert run(["post", written("x"), *TO]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("github")
def test_it_wants_one_place_and_something_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["post", written("x"), "--env", "staging"]) == 2
    assert run(["post", written("x"), *TO, "--issue", "x"]) == 2
    assert run(["post", written(" \n"), *TO]) == 2
    assert "is empty or not there" in capsys.readouterr().err
