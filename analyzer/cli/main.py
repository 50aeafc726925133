"""The `sansho` command: its subcommands, and the one place where failures become a line and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from analyzer import __version__
from analyzer.cli.account import account
from analyzer.cli.analyze import analyze, explain
from analyzer.cli.app import app
from analyzer.cli.audit import audit
from analyzer.cli.backup import backup, restore
from analyzer.cli.checklist import checklist
from analyzer.cli.crosswalk import crosswalk
from analyzer.cli.demo import demo
from analyzer.cli.diff import diff
from analyzer.cli.export import export
from analyzer.cli.mail import mail
from analyzer.cli.options import Settings
from analyzer.cli.portfolio import portfolio
from analyzer.cli.profile import profile
from analyzer.cli.programme import programme
from analyzer.cli.search import search
from analyzer.cli.store import store
from analyzer.cli.validate import validate
from analyzer.errors import SanshoError

EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sansho")
@click.option(
    "--controls",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A further folder of controls; repeatable. One with its own guidelines.yaml replaces the shipped ones.",
)
@click.pass_context
def sansho(context: click.Context, roots: tuple[Path, ...]) -> None:
    """Evidence for the three ministries' guidelines on medical information: what is asked, answered, left to do."""
    context.obj = Settings(roots)


for command in (
    validate,
    export,
    analyze,
    explain,
    checklist,
    profile,
    portfolio,
    search,
    crosswalk,
    diff,
    demo,
    app,
    store,
    account,
    audit,
    programme,
    mail,
    backup,
    restore,
):
    sansho.add_command(command)


def run() -> None:
    """The entry point of the console script. Exits 0 done, 1 a check failed, 2 unusable input."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; every failure is one line on standard error, never a traceback."""
    try:
        result = sansho.main(args=arguments, prog_name="sansho", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "sansho"
        _say(f"{where}: {_one_line(error.format_message())} (see {where} --help)")
    except click.ClickException as error:
        _say(f"sansho: {_one_line(error.format_message())}")
    except SanshoError as error:
        _say(str(error))
    except BrokenPipeError:
        # The reader has gone (`| head`); nothing is left to say, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (OSError, RecursionError, MemoryError, ValueError) as error:
        _say(f"sansho: {_one_line(str(error)) or type(error).__name__}")
    return EXIT_UNUSABLE


def _say(text: str) -> None:
    click.echo(text, err=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())
