"""`sansho app`: start the web app on this machine."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import click

from analyzer.cli.options import Settings, controls_option
from analyzer.errors import SanshoError


@click.command()
@click.option(
    "--institutions",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="The folder of institution files; without it the samples.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="The port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, help="The address to listen on.")
@controls_option
@click.pass_context
def app(context: click.Context, institutions: Path | None, port: int, address: str, roots: tuple[Path, ...]) -> None:
    """The web app: matrix, gaps, checklist, evidence, exports. Stop it with Ctrl+C."""
    from analyzer.resources import app_file
    from analyzer.web.settings import environment_of

    settings = context.find_object(Settings)
    every_root = [*(settings.roots if settings else ()), *roots]
    absolute = [root.absolute() for root in every_root]
    os.environ.update(environment_of(absolute, institutions.absolute() if institutions else None))
    # The knowledge base loads while the server starts and the browser opens, so that the first page has it at once.
    threading.Thread(target=_load_ahead, daemon=True).start()
    _serve(app_file(), address, port)


def _load_ahead() -> None:
    from analyzer.web.context import today
    from analyzer.web.workspace import workspace

    try:
        shared = workspace()
        for institution in shared.folder.institutions().values():
            shared.assess(institution, today())
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
