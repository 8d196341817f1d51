"""The command line. One file a verb, loaded only when it is called; the only place for click.

A verb parses, calls a stage and renders the result. Faults leave here as a few lines on stderr and an exit code:
0 done, 1 failed, 2 usage or invalid manifest, 3 rolled back, 4 held, 5 conflict, 6 drift, 128+n ended by signal n.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

VERBS = {
    "init": "Begin a repository: project file, Cargo workspace, CI files.",
    "new": "Scaffold a service that builds, is tested and passes `check`.",
    "doctor": "Say what will be needed and is missing, each with the fix.",
    "check": "Validate the manifests and the project file, all errors at once.",
    "affected": "Show which services a change affects, and why.",
    "build": "Build and package affected services, one cargo run per target.",
    "plan": "Show everything a deploy would do.",
    "deploy": "Build, apply, publish and walk traffic onto the new version.",
    "status": "Show what is where, and what is going on.",
    "watch": "Show walks as they go; --unattended: go on with those nobody walks.",
    "history": "Show releases: who, what, verdict, how long, and what people asked.",
    "report": "Tell one release whole: curves, events, plan, artifact; --html: as a page.",
    "dashboard": "Show an environment in a browser: what walks, what is where, DORA figures.",
    "metrics": "Show the four DORA figures of services and the environment.",
    "promote": "Take a walk's next step now, approve it, or give all traffic.",
    "pause": "Hold a walk where it is.",
    "resume": "Go on with a walk, or unfreeze a service a person rolled back.",
    "abort": "End a walk; the old version has all traffic again.",
    "adopt": "Accept what somebody else made of an alias.",
    "retry": "Deploy what was rolled back before once more.",
    "logs": "Show what a service's function logged, and go on with what comes.",
    "judge": "Judge recorded minutes of a walk, to tune limits on your own history.",
    "invoke": "Send a service an event: an alias, a version, a canary's side, or `dev`.",
    "dev": "Run a service here against the embedded AWS, compiled anew as you edit.",
    "cost": "Show what services cost a month, line by line.",
    "tune": "Measure a service at several memory sizes; choose by cost or speed.",
    "rollback": "Back to the previous stable version, now.",
    "prune": "Delete old versions that nothing needs any more.",
    "drift": "Show where the world differs from what was applied.",
    "render": "Show the Terraform roots as they would be applied, or write them.",
    "move": "Move a service's Terraform state to another stack; nothing is destroyed.",
    "destroy": "Destroy all a service has; asks for its name.",
    "unlock": "Show who holds a stack's Terraform lock; free it where that run is dead.",
    "bootstrap": "Create an environment's bucket.",
    "roles": "Show the roles that a workflow's jobs take in an environment.",
    "post": "Keep a pull request's comment or an issue at GitHub up to date.",
    "local": "Start, stop or show the embedded AWS.",
    "completion": "Print what makes a shell complete crabwalk's words.",
    "demo": "The whole story in one command, on the embedded AWS.",
}
EXITS = {
    "0": "Done, or nothing to do; handed over, with --detach.",
    "1": "Failed.",
    "2": "Wrong usage, or an invalid manifest; nothing was changed.",
    "3": "The walk ended rolled back, or aborted.",
    "4": "Held: inconclusive, or waiting for an approval.",
    "5": "Somebody else got in between: a lease, the alias, an older commit.",
    "6": "Drift was found.",
    "128+n": "Ended by signal n; what was under way is recorded.",
}
SIGNALLED = 128  # what a shell adds to the number of the signal that ended a process

# Objects made before Python looks for cycles among them; with its own 700 a verb spends an eighth of its time on that.
UNCOLLECTED = 50_000


class Terminated(BaseException):
    """A signal that ends the process was received."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Verbs(click.Group):
    """The verbs, each imported when it is asked for: start-up time is a promise."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"pipeline.cli.{cmd_name}").command
        if "_CRABWALK_COMPLETE" in os.environ:
            from pipeline.cli.completing import attach

            attach(command)
        command.format_epilog = partial(_examples, cmd_name)  # type: ignore[method-assign]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Exit codes"):
            formatter.write_dl(list(EXITS.items()))
        formatter.write_paragraph()
        formatter.write_text("`crabwalk VERB --help` ends with examples; `crabwalk doctor` says what is missing here.")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            if not near:
                raise
            raise click.UsageError(f"No such verb '{args[0]}'. Did you mean '{near[0]}'?", ctx) from error


def _versions(ctx: click.Context) -> NoReturn:
    """What this crabwalk is, what it reads and what it writes; the first line is for programs, too."""
    from platform import python_version

    from pipeline import __version__
    from pipeline.manifest.project import FORMAT
    from pipeline.report.shapes import SHAPES

    click.echo(f"crabwalk {__version__}\nmanifest format {FORMAT}, JSON shapes {SHAPES}, Python {python_version()}")
    ctx.exit()


def _examples(verb: str, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG001
    """What click writes at the end of a verb's help."""
    from pipeline.cli.examples import write

    write(verb, formatter)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, value: _versions(ctx) if value else None,
    help="Show the versions of crabwalk, manifests and JSON, and exit.",
)
def cli() -> None:
    """Releases Rust services to AWS Lambda from git, one careful step at a time.

    It works out what a commit affects, builds that for its architecture, applies Terraform where something changed,
    publishes a version and shifts the alias's weights step by step, rolling back by itself when CloudWatch says that
    the new version is worse.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # `__main__` had it end the process
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.set_threshold(UNCOLLECTED)
    code = run(sys.argv[1:])
    if code >= SIGNALLED or _done():
        _leave(code)
    gc.freeze()  # Python looks through everything once more when it ends, 20 ms for whoever loaded botocore
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; the only place where faults become one."""
    from pipeline.errors import CrabwalkError

    try:
        code = cli.main(arguments, prog_name="crabwalk", standalone_mode=False)
    except CrabwalkError as fault:
        from pipeline.report.console import Console

        Console().error(fault)
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            from pipeline.cli import summarizing

            summarizing.fault(arguments, fault)
        return fault.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.exceptions.Abort, KeyboardInterrupt, Terminated, BrokenPipeError) as ended:
        return _ended(ended)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EIO, errno.EDQUOT} or error.filename is not None:
            raise
        return _unwritable(error)
    return code if isinstance(code, int) else 0


def _done() -> bool:
    """Whether all is written and no thread works any more; else Python ends the process, and says what it cannot."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return threading.active_count() == 1


def _leave(code: int) -> NoReturn:
    """End without taking apart what was loaded, which takes 30 ms and more, or waiting for threads that wait for AWS.

    Everything else is done as at any end.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - what `os._exit` leaves out: notifications that are still to be sent
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _ended(ended: BaseException) -> int:
    if isinstance(ended, BrokenPipeError):
        sys.stderr.close()  # whoever read us is gone; Python would complain once more at exit
        return SIGNALLED + signal.SIGPIPE
    number = ended.number if isinstance(ended, Terminated) else signal.SIGINT
    click.echo(f"crabwalk: ended by {signal.Signals(number).name}", err=True)
    return SIGNALLED + number


def _unwritable(error: OSError) -> int:
    """Nobody gets the rest; Python would complain once more at exit if it tried to write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    click.echo(f"crabwalk: the output cannot be written: {error.strerror}", err=True)
    return 1


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise Terminated(number)
