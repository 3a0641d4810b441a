"""The command line: every command parses, calls one step and shows what came back."""

from __future__ import annotations

import errno
import faulthandler
import signal
import sys
import threading
from importlib import import_module
from typing import Any

import click

from workbench import __version__
from workbench.io.names import did_you_mean
from workbench.tables import WorkbenchError

# Command -> the file it lives in. Files are imported when their command is used or listed, rooms only when it runs.
COMMANDS = {
    "new": "tasks",
    "import": "tasks",
    "check": "tasks",
    "functions": "functions",
    "rule": "rules",
    "run": "line",
    "apply": "line",
    "diagnose": "line",
    "fit": "line",
    "refit": "refit",
    "export": "line",
    "train": "line",
    "evaluate": "results",
    "stress": "stress",
    "runs": "runs",
    "explain": "explain",
    "disagreement": "disagreement",
    "errors": "audit_findings",
    "gaps": "audit_findings",
    "predict": "results",
    "review": "review",
    "outcomes": "outcomes",
    "audit": "audit",
    "monitor": "monitor",
    "report": "report",
    "app": "app",
}

WAYS_OUT = {
    errno.ENOSPC: "; make room on the disk and run again",
    errno.EACCES: "; you may not read or write there: choose another folder, or have its permissions changed",
    errno.EROFS: "; nothing can be written there: choose another folder",
}


class OneLineError(click.ClickException):
    """A user's mistake: one line on stderr, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the sentence alone."""
        click.echo(f"error: {self.format_message()}", err=True)


class Commands(click.Group):
    """Finds commands in the files of this folder and turns the library's errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the file of one command."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"workbench.cli.{COMMANDS[name]}"), f"{name}_command")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one names the nearest."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = did_you_mean(args[0], COMMANDS) or "; `workbench --help` lists them"
            raise OneLineError(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a user's mistake, or the disk's refusal, loses its traceback and keeps its sentence."""
        try:
            return super().invoke(ctx)
        except WorkbenchError as error:
            raise OneLineError(str(error)) from None
        except BrokenPipeError:
            raise  # click ends quietly where nobody reads on, as behind `| head`
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package == "workbench":
                raise
            raise OneLineError(
                f"the package {package!r} is missing from {sys.executable}; take the Python of .venv, into which make app "
                "installs all of it"
            ) from None
        except OSError as error:
            way_out = WAYS_OUT.get(error.errno or 0, "")
            raise OneLineError(f"{error.filename or 'the system'}: {error.strerror or error}{way_out}") from None
        except KeyboardInterrupt as stop:
            from workbench.project.interrupted import in_words

            click.echo(in_words(stop), err=True, nl=False)
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="workbench")
def main() -> None:
    """A workbench for weak supervision: labeling functions vote, a label model weighs them, an end model learns past them."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)
        if not faulthandler.is_enabled():
            faulthandler.enable(2)  # a crash in C says on stderr in which function


def _stop(number: int, frame: Any) -> None:
    """Stop as Ctrl-C does: what is half written is removed on the way out."""
    raise KeyboardInterrupt
