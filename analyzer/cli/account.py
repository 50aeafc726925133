"""`sansho account`: who may log in to the app, as what, for which institutions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.cli.options import controls_option
from analyzer.cli.store import open_store, operator, store_options
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from analyzer.store.accounts import Account, Accounts, Handover

Command = TypeVar("Command", bound=Callable[..., Any])
Store = tuple[str, Path | None, tuple[Path, ...]]
# The roles as the store knows them; written here too so that --help need not load the store.
ROLES = ("institution", "auditor", "consultant", "secretariat", "administrator")
SOURCE = "command"


@click.group()
def account() -> None:
    """Accounts for `sansho app --accounts`: add, list, change. Whoever can open the store may do this."""


def _in_store(command: Command) -> Command:
    """The options that name the store, and the context."""
    return store_options(controls_option(click.pass_context(command)))  # type: ignore[return-value]


@account.command("add")
@click.argument("login")
@click.option("--name", required=True, help="The person's name, as the app shows it.")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the account may do.")
@click.option("--institution", "institutions", multiple=True, metavar="ID", help="Assign an institution; repeatable.")
@click.option("--email", metavar="ADDRESS", help="For a log-in at the organisation's own provider.")
@_in_store
def add_command(
    context: click.Context,
    login: str,
    name: str,
    role: str,
    institutions: tuple[str, ...],
    email: str | None,
    location: str,
    files: Path | None,
    roots: tuple[Path, ...],
) -> None:
    """Add an account and print its first password, once. The first account has to be an administrator."""
    from analyzer.store.principal import ROLES as KNOWN

    wanted = next(known for known in KNOWN if known == role)
    with open_store(context, location, files, roots, make=True) as opened:
        accounts = opened.accounts
        if opened.signing_in.has_accounts():
            made = accounts.create(operator(), login, name, wanted, institutions, email, source=SOURCE)
        elif wanted == "administrator" and not institutions:
            made = accounts.bootstrap(operator(), login, name, email, source=SOURCE)
        else:
            raise SanshoError(f"{login}: the first account has to be an administrator (--role administrator)")
    _hand_over(made)


@account.command("list")
@_in_store
def list_command(context: click.Context, location: str, files: Path | None, roots: tuple[Path, ...]) -> None:
    """List every account."""
    with open_store(context, location, files, roots) as opened:
        for each in opened.accounts.list(operator()):
            click.echo(_line(each))


@account.command("role")
@click.argument("login")
@click.argument("role", type=click.Choice(ROLES))
@_in_store
def role_command(
    context: click.Context, login: str, role: str, location: str, files: Path | None, roots: tuple[Path, ...]
) -> None:
    """Give LOGIN another role."""
    from analyzer.store.principal import ROLES as KNOWN

    wanted = next(known for known in KNOWN if known == role)
    _change(
        context,
        (location, files, roots),
        lambda accounts: accounts.set_role(operator(), login, wanted, source=SOURCE),
    )


@account.command("email")
@click.argument("login")
@click.argument("address", required=False)
@_in_store
def email_command(
    context: click.Context, login: str, address: str | None, location: str, files: Path | None, roots: tuple[Path, ...]
) -> None:
    """Set the e-mail address of LOGIN.

    Without ADDRESS it is removed.
    """
    _change(
        context,
        (location, files, roots),
        lambda accounts: accounts.set_email(operator(), login, address, source=SOURCE),
    )


@account.command("assign")
@click.argument("login")
@click.argument("institution")
@click.option("--remove", is_flag=True, help="Take the assignment back.")
@_in_store
def assign_command(
    context: click.Context,
    login: str,
    institution: str,
    remove: bool,
    location: str,
    files: Path | None,
    roots: tuple[Path, ...],
) -> None:
    """Assign INSTITUTION to LOGIN."""

    def change(accounts: Accounts) -> Account:
        done = accounts.unassign if remove else accounts.assign
        return done(operator(), login, institution, source=SOURCE)

    _change(context, (location, files, roots), change)


@account.command("disable")
@click.argument("login")
@_in_store
def disable_command(
    context: click.Context, login: str, location: str, files: Path | None, roots: tuple[Path, ...]
) -> None:
    """Refuse LOGIN and end its sessions at once."""
    _change(context, (location, files, roots), lambda accounts: accounts.disable(operator(), login, source=SOURCE))


@account.command("enable")
@click.argument("login")
@_in_store
def enable_command(
    context: click.Context, login: str, location: str, files: Path | None, roots: tuple[Path, ...]
) -> None:
    """Let LOGIN log in again, and lift a lock."""
    _change(context, (location, files, roots), lambda accounts: accounts.enable(operator(), login, source=SOURCE))


@account.command("reset")
@click.argument("login")
@_in_store
def reset_command(
    context: click.Context, login: str, location: str, files: Path | None, roots: tuple[Path, ...]
) -> None:
    """Give LOGIN a new first password, printed once.

    The password in force ends, and so do the sessions of LOGIN.
    """
    with open_store(context, location, files, roots) as opened:
        made = opened.accounts.reset_password(operator(), login, source=SOURCE)
    _hand_over(made)


def _change(context: click.Context, store: Store, change: Callable[[Accounts], Account]) -> None:
    location, files, roots = store
    with open_store(context, location, files, roots) as opened:
        changed = change(opened.accounts)
    click.echo(_line(changed))


def _hand_over(made: Handover) -> None:
    # The password stands alone on standard output, so that it can be handed on without what is said about it.
    click.echo(f"{_line(made.account)}\nfirst password (shown only now, to be replaced at the first log-in):", err=True)
    click.echo(made.first_password)


def _line(each: Account) -> str:
    from analyzer.store.principal import rights

    scope = "all" if rights()[each.role].everywhere else ",".join(each.institutions) or "none"
    state = "disabled" if each.disabled else "first password" if each.must_change else "enabled"
    return f"{each.login}  {each.role}  {scope}  {state}  {each.email or '-'}  {each.name}"
