"""The command ``practicum``: read arguments, call one function, print the result.

Each command lives in a module of its own that is imported when it is called, so
``practicum --help`` pays for none of them.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..errors import InputError, MissingToolError, PracticumError
from ..settings import SCHEMES, Settings
from . import streams
from .options import say, show_error

COMMANDS = {
    "init": "Write a commented example of a cohort.",
    "validate": "Check a cohort's files and touch nothing.",
    "roster": "Import the course's roster from a learning platform.",
    "plan": "Show what `up` would change, and change nothing.",
    "capacity": "Say whether the class will fit on the cluster.",
    "up": "Make the cluster match the roster.",
    "prewarm": "Make what is missing in time for class, from cron.",
    "add": "Let a student join, and bring up this one alone.",
    "drop": "Let students leave, and remove these alone.",
    "rename": "Correct a student's id or name; work and access stay.",
    "suspend": "Take access away and stop what runs; the work stays.",
    "resume": "Give suspended students back what they had.",
    "reset": "Delete one student's kind cluster, and make it anew.",
    "extend": "Give students a last day of their own.",
    "resize": "Give students a quota of their own.",
    "status": "Show every student's environment.",
    "hosts": "Make lab hosts ready over SSH, keep them right, clean them up.",
    "handout": "Give every student a kubeconfig, encrypted to their own key.",
    "verify": "Prove that students are isolated from each other, by trying.",
    "rotate": "Give new credentials; the old ones stay valid for a while.",
    "revoke": "Take students' access back at once.",
    "reinstate": "Undo a revocation: give students new access.",
    "keys": "Import, list and audit the keys that students hand in.",
    "access": "Let an assistant look into the environments for some hours.",
    "archive": "Keep what students made, look into it, bring it back.",
    "join": "Open a hand-out on a student's machine, for kubectl.",
    "adopt": "Rebuild records and state from the cluster, after a loss.",
    "down": "Take a cohort down, and prove that nothing is left.",
    "reap": "Take down the cohorts that are past their end, after a warning.",
    "report": "Show what each student used over the term, and what it costs.",
    "render": "Print the Kubernetes manifests of a cohort as YAML.",
    "role": "Print the rights that whoever runs a cohort needs, for kubectl.",
    "doctor": "Check tools, cluster, rights and state, and say what to do.",
    "toolchain": "Find, or build, the programs that Practicum drives.",
    "kind": "Make a node image for kind where no image registry can be reached.",
    "rehearsal": "Run a Kubernetes control plane on this machine, without pods.",
}
"""Name and one line of help, so that the overview needs no command's module."""


INTERRUPTED = 130
"""Exit code after a Ctrl-C outside a block that ends in order, or a question that was not agreed to."""

BROKEN_PIPE = 141
"""Exit code where whoever read our output has gone: what was asked for is done."""


GARBAGE = 500_000
"""Lists, tables and the like that come to be before Python looks for garbage; 700 by default.
A cohort of 1,000 has fewer."""

OPERATOR_MODULES = {
    "ansible_runner",
    "kubernetes",
    "psutil",
    "pulumi",
    "pulumi_kubernetes",
    "rich",
    "semver",
    "urllib3",
}
"""What ``pip install practicum-lab`` leaves out: a student needs none of it."""


class _LazyGroup(click.Group):
    """Imports a command when it is called; turns an error into a message and a code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{cmd_name}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  (Click's signature)
        if os.environ.get("NO_COLOR"):  # https://no-color.org; Click does not look at it
            ctx.color = False
        return _explaining(ctx, lambda: super(_LazyGroup, self).invoke(ctx))


def _operators_part_is_missing() -> MissingToolError:
    """Return the error for a command that takes more than a student installs."""
    return MissingToolError(
        "This command needs the operator's part of Practicum.",
        hint="Install it with: pip install 'practicum-lab[operator]'",
    )


def _refused_by_the_system(error: OSError) -> InputError:
    """Return what is told of a file that the system would not open, read or write.

    It can come up at any step, so nothing is promised of what was done before.
    """
    where = f"{error.filename}: " if error.filename else ""
    return InputError(
        f"{where}{error.strerror or error}.",
        hint="This may have stopped in the middle. Mend it, and run the same command again.",
    )


def _explaining(ctx: click.Context, call: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Run a command; the one place where an error becomes a message and an exit code."""
    try:
        return call()
    except PracticumError as error:
        show_error(error)
        ctx.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OPERATOR_MODULES:
            raise
        show_error(_operators_part_is_missing())
        ctx.exit(MissingToolError.exit_code)
    except KeyboardInterrupt:
        say("Stopped before the end. Run the same command again to go on.")
        ctx.exit(INTERRUPTED)
    except click.Abort:
        say("Stopped; nothing was changed.")
        ctx.exit(INTERRUPTED)
    except BrokenPipeError:
        _let_go_of_output()
        ctx.exit(BROKEN_PIPE)
    except OSError as error:
        show_error(_refused_by_the_system(error))
        _let_go_of_output()
        ctx.exit(InputError.exit_code)


def _let_go_of_output() -> None:
    """Make the interpreter's last flush go nowhere: the one that failed would fail again."""
    if sys.stdout is None:  # closed from the beginning
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: practicum init mycourse --cluster rehearsal",
)
@click.option(
    "--stacks",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("stacks"),
    envvar="PRACTICUM_STACKS",
    show_default=True,
    show_envvar=True,
    help="Folder that holds a folder a cohort.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".practicum"),
    envvar="PRACTICUM_HOME",
    show_default=True,
    show_envvar=True,
    help="Folder for state, hand-outs and receipts.",
)
@click.option(
    "--state",
    metavar="URL",
    default="",
    envvar="PRACTICUM_STATE",
    help="Pulumi backend for the state (file, s3, gs, azblob, https); default: files in --home.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is done to standard error.")
@click.version_option(__version__, prog_name="practicum")
@click.pass_context
def practicum(
    context: click.Context, stacks: Path, home: Path, state: str, *, verbose: bool
) -> None:
    """Give every student of a course an isolated lab environment."""
    # What a command reads stays until its end: a cohort of 1,000 is a million small objects,
    # and Python's search for garbage among them would take as long as to decode them.
    gc.set_threshold(GARBAGE)
    # Nor is anything to be found in them at the end: the interpreter's last search took a tenth
    # of a `plan` of 300.
    atexit.register(gc.freeze)
    if state and not state.startswith(SCHEMES):
        raise InputError(
            "--state is no address of a state.", hint=f"It begins with {', '.join(SCHEMES)}."
        )
    context.obj = Settings(stacks=stacks, home=home, state=state)
    if verbose:
        from . import verbose as log

        log.to_standard_error()


def main() -> None:
    """Run the command as a process, which ends without taking apart what it has read.

    Of a `plan` of hundreds that would be a thirtieth of its time.
    """
    streams.ensure()
    code: str | int | None = None
    try:
        practicum(prog_name="practicum")
    except SystemExit as end:
        code = end.code
    if isinstance(code, str):
        sys.exit(code)
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code or 0)
    sys.exit(code)  # what could not be written is told as always
