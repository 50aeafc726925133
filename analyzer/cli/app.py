"""`sansho app`: start the web app on this machine."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import click

from analyzer.cli.options import Settings, controls_option
from analyzer.errors import SanshoError

DEFAULT_STORE = "sansho.db"
_AFTER_THE_FIRST_PAGE = 4.0  # seconds
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command()
@click.option(
    "--institutions",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="The folder of institution files; without it the samples.",
)
@click.option(
    "--store",
    envvar="SANSHO_STORE",
    default=DEFAULT_STORE,
    show_default=True,
    metavar="FILE|URL",
    help="The database to work in, made on first use; institutions that it lacks are taken from the files.",
)
@click.option(
    "--files", type=click.Path(path_type=Path), envvar="SANSHO_FILES", metavar="DIR", help="Uploaded evidence."
)
@click.option(
    "--portfolio",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="SANSHO_PORTFOLIO",
    metavar="DIR",
    help="A finished run of `sansho portfolio`, to be shown on the page of many institutions.",
)
@click.option("--read-only", is_flag=True, help="Show the institution files without a store.")
@click.option("--accounts", is_flag=True, envvar="SANSHO_ACCOUNTS_REQUIRED", help="Ask everybody to log in.")
@click.option(
    "--programmes",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="SANSHO_PROGRAMMES",
    metavar="DIR",
    help="The folder of support programmes; without it the sample.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="The port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, help="The address to listen on.")
@controls_option
@click.pass_context
def app(
    context: click.Context,
    institutions: Path | None,
    store: str,
    files: Path | None,
    portfolio: Path | None,
    read_only: bool,
    accounts: bool,
    programmes: Path | None,
    port: int,
    address: str,
    roots: tuple[Path, ...],
) -> None:
    """The web app: matrix, gaps, answers, checklist, evidence, portfolio, exports. Stop it with Ctrl+C."""
    from analyzer.resources import app_file, evidence_dir
    from analyzer.web.settings import AppSettings, environment_of

    if not accounts and address not in _LOOPBACK:
        raise SanshoError(f"{address}: without --accounts anybody who reaches it may change everything; use --accounts")
    if accounts and read_only:
        raise SanshoError("--accounts needs a store; leave out --read-only")
    before = context.find_object(Settings)
    settings = AppSettings(
        roots=tuple(root.absolute() for root in (*(before.roots if before else ()), *roots)),
        institutions=(institutions or evidence_dir() / "institutions").absolute(),
        store=None if read_only else store if "://" in store else str(Path(store).absolute()),
        files=files.absolute() if files else None,
        accounts=accounts,
        portfolio=portfolio.absolute() if portfolio else None,
        programmes=programmes.absolute() if programmes else None,
    )
    os.environ.update(environment_of(settings))
    # The knowledge base loads while the server starts and the browser opens, so that the first page has it at once.
    threading.Thread(target=_load_ahead, daemon=True).start()
    _serve(app_file(), address, port)


def _load_ahead() -> None:
    from analyzer.programme.background import Background
    from analyzer.store.principal import SINGLE_USER
    from analyzer.web.context import today
    from analyzer.web.settings import AppSettings
    from analyzer.web.workspace import workspace

    try:
        shared = workspace()
        if AppSettings.from_environment().accounts:
            # One thread a process; with several processes on one store each mail is still sent once.
            Background(shared.portal.desk, shared.portal.mailing, today).start()
        for institution in shared.source(SINGLE_USER).institutions().values():
            shared.assess(institution, today())
        # The first page is drawn now; what only other pages need must not slow it down.
        time.sleep(_AFTER_THE_FIRST_PAGE)
        _ = (shared.browser, shared.columns)
    except SanshoError as error:
        click.echo(str(error), err=True)


def _serve(script: Path, address: str, port: int) -> None:
    from streamlit.web.cli import main as streamlit

    shown = f"[{address}]" if ":" in address else address
    click.echo(f"http://{shown}:{port}", err=True)
    streamlit(
        ["run", str(script), "--server.address", address, "--server.port", str(port)],
        standalone_mode=False,
        prog_name="sansho app",
    )
