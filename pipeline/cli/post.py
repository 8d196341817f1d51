"""`crabwalk post`: a report where people look for it, at GitHub: a pull request's comment, or an issue."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipeline.cli.options import Here, env_option, output_option

MOST_BYTES = 4_000_000  # what is longer is no report; it is cut to a comment's length anyway


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@env_option
@click.option("--pull-request", type=click.IntRange(min=1), metavar="NUMBER", help="Keep this pull request's comment.")
@click.option("--issue", metavar="TITLE", help="Keep an issue; an empty or missing FILE closes it.")
@output_option
def command(file: Path, env_name: str | None, *, pull_request: int | None, issue: str | None, output: str) -> int:
    """Put the Markdown in FILE into the environment's one comment on a pull request, or into its issue.

    What an earlier run wrote is found again and updated in place. In a workflow's job, GITHUB_REPOSITORY and
    GITHUB_API_URL are set; GITHUB_TOKEN is to be handed over, with `pull-requests: write` or `issues: write`.
    """
    from pipeline.errors import UsageError
    from pipeline.github import sticky
    from pipeline.github.api import Api
    from pipeline.github.text import marker

    here = Here(env_name, json=output == "json")
    project, env = here.project.name, here.env.name
    if (pull_request is None) == (issue is None):
        raise UsageError("where to? --pull-request NUMBER or --issue TITLE, one of the two")
    text = _read(file)
    if issue is None and not text.strip():
        raise UsageError(
            f"{file} is empty or not there, and a comment says something", hint="`plan --comment` writes it"
        )
    api = Api.of(os.environ)
    if issue is not None:
        title, what = " ".join(issue.split())[:200], f"the issue `{' '.join(issue.split())[:80]}`"
        done = sticky.issue(api, title, marker(project, env, f"issue {title}"), text)
    else:
        assert pull_request is not None  # noqa: S101
        what = f"the comment of `{env}` on #{pull_request}"
        done = sticky.comment(api, pull_request, marker(project, env, "pull request"), text)
    if here.json:
        here.console.json({"environment": env, "did": done.did, "url": done.url})
    else:
        said = "there is none, and nothing to say" if done.did == "nothing" else done.did
        here.console.line(f"{what}: {said}{f' {done.url}' if done.url else ''}")
    return 0


def _read(file: Path) -> str:
    """The text; empty where there is no file."""
    from pipeline.errors import UsageError

    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
