"""`crabwalk plan`: everything a deploy would do, and why. `--save` stores it, nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option
from pipeline.cli.summarizing import summarize, wanted, write_comment

if TYPE_CHECKING:
    from pipeline.deploying.run import Options
    from pipeline.plans.model import Preview


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@click.option("--retry", is_flag=True, help="Try an artifact again that was rolled back before.")
@click.option("--allow-destroy", multiple=True, metavar="ADDRESS", help="Let Terraform destroy or replace this.")
@click.option("--save", is_flag=True, help="Build, plan exactly, and store it: `deploy --plan ID` applies just that.")
@click.option(
    "--comment",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it as a comment under a pull request, too; `crabwalk post` puts it there.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For people, a pull request, or machines.",
)
def command(
    services: tuple[str, ...],
    env_name: str | None,
    base: str | None,
    *,
    retry: bool,
    allow_destroy: tuple[str, ...],
    save: bool,
    comment: Path | None,
    output: str,
) -> int:
    """Show what `deploy` would do now: affected services with reasons, builds, Terraform's changes, the walk, the cost.

    Before each change stands when it takes effect: what `walks` is tried out by the canary together with the code,
    what is `at once` is felt by both versions, what `destroys` or `takes away` may be needed by the old version.
    Triggers of a service that is new come after its first release; drift is what somebody else changed and an
    apply puts back. What waits for a value that another service's release makes is not among Terraform's changes yet.
    """
    from pipeline.deploying.run import Options

    options = Options(services, base, retry, frozenset(allow_destroy))
    here = Here(env_name, json=output != "text")
    return show(here, options, output, comment, save=save)


def show(here: Here, options: Options, output: str, comment: Path | None = None, *, save: bool = False) -> int:
    """Plan and render it; with `save` store it, too. Of an environment of many targets: one after the other."""
    if here.fleet is not None:
        from pipeline.cli.fleets import plan

        return plan(here, options, output, save=save, comment=comment)
    return (save_plan if save else show_plan)(here.env_name, options, output, comment)


def show_plan(env_name: str | None, options: Options, output: str, comment: Path | None = None) -> int:
    """Plan, with Terraform where a stack's inputs changed, and render it."""
    from pipeline.deploying.checkout import check_checkout
    from pipeline.deploying.planning import plan_deploy
    from pipeline.deploying.setting import read_setting
    from pipeline.plans.preview import preview

    here = Here(env_name, json=output != "text")
    warning = check_checkout(here.repo, here.env)
    if warning:
        here.console.warn(warning)
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    plan = plan_deploy(setting, here.repo, options.only, options.base, retry=options.retry)
    render(here, preview(here.engine, plan, here.console, options.allow_destroy, retry=options.retry), output, comment)
    return 0


def save_plan(env_name: str | None, options: Options, output: str, comment: Path | None = None) -> int:
    """Build, upload and plan, store that under an id, and render it."""
    from pipeline.cli.running import prepared
    from pipeline.cli.seen import remember
    from pipeline.plans.save import save

    here = Here(env_name, json=output != "text")
    shown = save(prepared(here, options))
    remember(here.project.root, "plans", [shown.saved.id if shown.saved else None])
    render(here, shown, output, comment)
    return 0


def render(here: Here, shown: Preview, output: str, comment: Path | None = None) -> None:
    """The plan in the form that was asked for, as a comment where that was, and in the job's summary."""
    if comment is not None or wanted():
        from pipeline.report.markdown.blocks import in_bytes
        from pipeline.report.markdown.plan import markdown

        if comment is not None:
            write_comment(comment, markdown(shown))
        summarize(lambda limit: markdown(shown, limit, in_bytes))
    if output == "json":
        from pipeline.report.plan_json import document

        here.console.json(document(shown))
    elif output == "markdown":
        from pipeline.report.markdown.plan import markdown

        here.console.document(markdown(shown))
    else:
        from pipeline.report.plan import show_preview

        show_preview(here.console, shown)
