"""``kolla-iac secrets``: values that live nowhere but in the engine's encrypted settings."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from kolla_iac.cli import engine, project
from kolla_iac.errors import KollaError, SettingsError
from kolla_iac.model.rotation import Rotation, age, noted, older, resolve, successor
from kolla_iac.model.secrets import fault, generate, required
from kolla_iac.model.service import Secret
from kolla_iac.model.stackfile import ROTATIONS_KEY, SECRETS_KEY, StackFile, load_file

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _secrets() -> None:
    """Make, rotate and list the secrets that an environment needs."""


@app.command("generate")
def generate_command(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment."),
) -> None:
    """Add the secrets that are missing; those that are there stay as they are. Prints names only."""
    checkout = project.root()
    added = add_missing(checkout, env)
    for name in added:
        typer.echo(f"added  {name}")
    for problem in load_file(project.existing(checkout, env)).missing_secrets:
        typer.echo(f"still missing  {problem.path.removeprefix('secrets.')}: {problem.hint}")
    typer.echo(f"{env}: {len(added) or 'no'} secret{'' if len(added) == 1 else 's'} added")


@app.command("rotate")
def rotate_command(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment."),
    names: list[str] = typer.Argument(
        None, metavar="[NAME]...", help="Secrets by name, or a word that only one has: fernet."
    ),
    every: bool = typer.Option(False, "--all", help="All that the environment needs."),
    older_than: str = typer.Option(
        "", "--older-than", metavar="AGE", help="Of those, the ones of that age at least: 90d, 12h."
    ),
) -> None:
    """Give secrets new values; the next `pulumi up` carries them out, and its preview shows how.

    Nothing that runs is touched. Old values are kept as long as something needs them: tokens, stored credentials,
    replicas that log in with them.
    """
    if bool(names) == every:
        raise KollaError(
            "rotate what?", {"wanted": "names of secrets, or --all", "next": f"kolla-iac secrets list {env}"}
        )
    if older_than and not every:
        raise KollaError(
            "--older-than goes with --all",
            {"next": f"kolla-iac secrets rotate {env} --all --older-than {older_than}"},
        )
    checkout = project.root()
    done = rotate(checkout, env, names or [], older_than=age(older_than) if older_than else 0.0, every=every)
    for secret in done:
        typer.echo(
            f"rotated  {secret.name}"
            + (f"  ({secret.felt}, from the next `pulumi up` on)" if secret.felt else "")
        )
    if done:
        typer.echo(_next(env))
    else:
        typer.echo(f"{env}: none is older than {older_than}; nothing was rotated")


@app.command("set")
def set_command(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment."),
    name: str = typer.Argument(metavar="NAME", help="Of the secret, as `kolla-iac secrets list` has it."),
) -> None:
    """Give a secret the value that comes on standard input, or is typed: what others made, such as a DBA.

    One that had another value counts as rotated; the next `pulumi up` carries that out.
    """
    checkout = project.root()
    if sys.stdin.isatty():
        value = typer.prompt(f"value of {name}", hide_input=True)
    else:
        value = sys.stdin.read().removesuffix("\n")
    secret, rotated = put(checkout, env, name, value)
    typer.echo(f"{'rotated' if rotated else 'added'}  {secret.name}")
    typer.echo(_next(env))


def _next(env: str) -> str:
    return f"next     pulumi preview --stack {env}\n         pulumi up --stack {env}"


@app.command("list")
def list_command(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment."),
    as_json: bool = typer.Option(False, "--json", help="For programs."),
) -> None:
    """List the secrets that the environment needs or holds: name, kind, age, last rotation. Never a value."""
    from kolla_iac.cli.terminal import columns

    rows = listed(load_file(project.existing(project.root(), env)), datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    shown = ("name", "kind", "age", "rotated", "purpose", "state")
    cells = [tuple(str(row[column]) for column in shown) for row in rows]
    typer.echo("\n".join(columns([shown, *cells], indent="")))
    if any(row["state"] == "missing" for row in rows):
        typer.echo(f"\nnext  kolla-iac secrets generate {env}")


def listed(file: StackFile, now: datetime) -> list[dict[str, str | int | None]]:
    """What may be told of each secret: needed ones by service, then those that nothing needs.

    ``state`` is ``present``, ``missing``, or ``not needed``: a value is there, for a service that is off or gone.
    ``age`` is that of the value, ``rotated`` when it followed another one.
    """
    from kolla_iac.cli.terminal import ago

    assert file.environment is not None
    needed = required(file.environment)
    rest = sorted(file.secrets - set(needed))
    rows: list[dict[str, str | int | None]] = []
    for name in (*needed, *rest):
        noted = file.rotations.get(name, Rotation())
        made = noted.made.strftime("%Y-%m-%d %H:%M") if noted.made else ""
        present = name in file.secrets
        rows.append(
            {
                "name": name,
                "kind": needed[name].kind.replace("_", " ") if name in needed else "-",
                "age": (ago(noted.made, now) or "not known") if present else "-",
                "rotated": "-" if not present else made if noted.count else "never",
                "rotations": noted.count,
                "made": noted.made.isoformat() if noted.made else None,
                "purpose": needed[name].purpose if name in needed else "-",
                "state": "not needed" if name in rest else "present" if present else "missing",
            }
        )
    return rows


def add_missing(checkout: Path, env: str) -> list[str]:
    """Give each missing secret of an environment that can be made a new value; returns their names.

    Raises:
        SettingsError: the settings are wrong, so that what is needed cannot be known.
        KollaError: no such environment, or the engine failed. What was added until then stays.
    """
    file = project.existing(checkout, env)
    with _alone(file.parent):
        read = load_file(file)
        assert read.environment is not None
        needed = required(read.environment)
        added = [name for name in needed if name not in read.secrets and not needed[name].given]
        _note(checkout, env, read, added, rotated=False)
        for name in added:
            _set(checkout, env, name, generate(needed[name]))
    return added


def rotate(
    checkout: Path, env: str, words: list[str], *, older_than: float = 0.0, every: bool = False
) -> list[Secret]:
    """Give secrets of an environment new values; returns those that got one.

    Args:
        words: names, or words that only one has.
        older_than: with ``every``: seconds of age from which on a value is rotated.

    Raises:
        SettingsError: the settings are wrong.
        KollaError: no such environment or secret, a value is missing, or the engine failed.
    """
    file = project.existing(checkout, env)
    now = datetime.now(UTC)
    with _alone(file.parent):
        read = load_file(file)
        if read.missing_secrets:
            raise SettingsError(file.name, read.missing_secrets)
        assert read.environment is not None
        needed = required(read.environment)
        if every:
            chosen = [name for name, secret in needed.items() if not secret.given and not secret.lasts]
        else:
            chosen = list(dict.fromkeys(resolve(word, needed) for word in words))
        for name in chosen:
            if why := needed[name].lasts:
                raise KollaError(f"{name} is never rotated: {why}", {"meanwhile": "nothing was touched"})
            if needed[name].given:
                raise KollaError(
                    f"{name} is somebody else's",
                    {
                        "why": f"it is that of {needed[name].purpose}",
                        "next": f"kolla-iac secrets set {env} {name}",
                    },
                )
        if every:
            chosen = [name for name in chosen if older(read.rotations, name, older_than, now)]
        # the note first: a count without a new value does no harm, a value without it would meet its old user
        _note(checkout, env, read, chosen, rotated=True)
        for name in chosen:
            key = f"{SECRETS_KEY}.{name}"
            old = engine.pulumi(checkout, ["config", "get", "--path", key, "--stack", env]).removesuffix("\n")
            _set(checkout, env, name, successor(needed[name], old, read.environment, now))
    return [needed[name] for name in chosen]


def put(checkout: Path, env: str, word: str, value: str) -> tuple[Secret, bool]:
    """Give a secret of an environment a value; the secret, and whether it had another one.

    Args:
        word: its name, or a word that only one has.

    Raises:
        SettingsError: the settings are wrong.
        KollaError: no such environment or secret, or no value of it. Nothing was changed.
    """
    file = project.existing(checkout, env)
    with _alone(file.parent):
        read = load_file(file)
        assert read.environment is not None
        needed = required(read.environment)
        secret = needed[resolve(word, needed)]
        if secret.kind == "fernet_keys":
            raise KollaError(
                f"{secret.name} is not given a value",
                {
                    "why": "its keys follow one another",
                    "next": f"kolla-iac secrets rotate {env} {secret.name}",
                },
            )
        if why := fault(secret, value):
            raise KollaError(f"that is no value of {secret.name}", {"why": f"it {why}"})
        rotated = secret.name in read.secrets
        if rotated and secret.lasts:
            raise KollaError(
                f"{secret.name} is never changed: {secret.lasts}", {"meanwhile": "nothing was touched"}
            )
        _note(checkout, env, read, [secret.name], rotated=rotated)
        _set(checkout, env, secret.name, value)
    return secret, rotated


def _set(checkout: Path, env: str, name: str, value: str) -> None:
    key = f"{SECRETS_KEY}.{name}"
    engine.pulumi(checkout, ["config", "set", "--path", "--secret", key, "--stack", env], stdin=value)


def _note(checkout: Path, env: str, file: StackFile, names: list[str], *, rotated: bool) -> None:
    """Writes down that these secrets' values are made now."""
    now = datetime.now(UTC)
    words: list[str] = []
    for name in names:
        for field, value in noted(file.rotations, name, now, rotated=rotated).model_dump(mode="json").items():
            words += ["--plaintext", f"{ROTATIONS_KEY}.{name}.{field}={value}"]
    if words:
        engine.pulumi(checkout, ["config", "set-all", "--path", *words, "--stack", env])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at once wait for each other, so that neither replaces what the other one added."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
