"""`crabwalk drift`: where the world differs from what was applied. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option
from pipeline.cli.summarizing import summarize, write_comment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.infra.drift import StackDrift


@click.command()
@click.argument("names", nargs=-1, metavar="[SERVICE|STACK]...")
@env_option
@click.option("--reapply", is_flag=True, help="Let the next deploy put back what drifted.")
@click.option(
    "--comment",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it as an issue's body, too, empty where nothing drifted; `crabwalk post` updates the issue.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For people, an issue, or machines.",
)
def command(names: tuple[str, ...], env_name: str | None, *, reapply: bool, comment: Path | None, output: str) -> int:
    """Compare the world with every Terraform state of the environment, by a full plan of each root.

    Drift is what somebody else changed and an apply would put back; what this commit's manifests want besides is told
    apart as change. Where an alias sends its traffic is the release's business and never drift. Also looked at are the
    bucket's own root and stacks whose manifests are gone. Ends with 6 when something drifted, and with another fault's
    code when nothing did and a stack could not be looked at.
    """
    from pipeline.deploying.drifting import look
    from pipeline.deploying.drifting import reapply as put_back
    from pipeline.deploying.setting import read_setting
    from pipeline.report.drift import document, show_drift
    from pipeline.report.markdown.blocks import in_bytes
    from pipeline.report.markdown.drift import markdown

    here = Here(env_name, json=output != "text")
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    found = look(here.engine, setting, names, here.console)
    code = _code(found)
    if comment is not None:
        write_comment(comment, markdown(here.env.name, setting.commit, found) if code else "")
    summarize(lambda limit: markdown(here.env.name, setting.commit, found, limit, in_bytes))
    if output == "json":
        here.console.json(document(here.env.name, setting.commit, code, found))
    elif output == "markdown":
        here.console.document(markdown(here.env.name, setting.commit, found))
    else:
        show_drift(here.console, here.env.name, found)
    if reapply:
        for stack in put_back(here.engine, [one for one in found if one.state == "drifted"]):
            here.console.line(f"stack {stack}: the next `crabwalk deploy --env {here.env.name}` puts it back")
    return code


def _code(found: Sequence[StackDrift]) -> int:
    from pipeline.errors import DRIFT, CrabwalkError

    if any(one.state == "drifted" for one in found):
        return DRIFT
    return CrabwalkError.exit_code if any(one.state == "unread" for one in found) else 0
