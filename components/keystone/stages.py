"""Keystone's deployment as data: what it consists of, and the files that its containers and Jobs get."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from kolla_iac.components.database.orders import Demand
from kolla_iac.components.database.user import (
    backup,
    looked_at,
    schema_user,
    server_of,
    standing,
    switched,
    uses,
    way_back,
)
from kolla_iac.components.keystone.settings import SERVICE, KeystoneSettings
from kolla_iac.model.environment import Environment
from kolla_iac.model.releases import SERIES, no_step
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.stage import Upload
from kolla_iac.plan.rollout import Act, Configuration, Impact, Rollout, configurations
from kolla_iac.render import ini
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.render.templates import render

CONFIG = "/etc/keystone/keystone.conf"
INTERNAL = f"http://keystone.internal:{SERVICE.port}"
JOB_SECTIONS = ("database", "identity", "fernet_tokens", "credential", "fernet_receipts", "cache")
"""What a Job needs of keystone.conf; a change of any other section does not run it again. The cache, since a password
that a Job sets revokes tokens, and replicas remember for minutes which are revoked, unless they are told there."""
JOB_READS = tuple(("keystone.conf", section) for section in JOB_SECTIONS)
KEYS = "/etc/keystone/keys"
"""Where each host's volume of keys is mounted."""
KEY_FOLDERS = {"fernet": "keystone_fernet_keys", "credential": "keystone_credential_keys"}
"""Folder in it -> the secret that fills it."""
CHANGE_KEYS = "/var/lib/kolla/venv/bin/python /etc/kolla-iac/keys.py"
"""Command of ``keys.py``; a phase follows."""
MIGRATE_SCHEMA = "exec /var/lib/kolla/venv/bin/python /etc/kolla-iac/schema.py"
"""Command of ``schema.py``; a phase follows."""
MIGRATE_CREDENTIALS = (
    "keystone-manage credential_migrate --keystone-user keystone --keystone-group keystone\n"
    f"{CHANGE_KEYS} tidy\n"
)


def configuration(environment: Environment, host: str, *, connection: str, memcached: str) -> ini.Sections:
    """``keystone.conf`` of a replica on ``host``."""
    text = render(
        "keystone",
        "keystone.conf",
        settings=environment.service("keystone", KeystoneSettings),
        connection=connection,
        memcached=memcached,
        keys=KEYS,
    )
    return ini.override(ini.parse(text), environment.overrides_for("keystone", host, "keystone.conf"))


def server(environment: Environment, host: str) -> ini.Sections:
    """``uwsgi.ini`` of a replica on ``host``."""
    settings = environment.service("keystone", KeystoneSettings)
    text = render("keystone", "uwsgi.ini", settings=settings, port=SERVICE.port, check=SERVICE.check)
    return ini.override(ini.parse(text), environment.overrides_for("keystone", host, "uwsgi.ini"))


def readable(environment: Environment, host: str, user: str) -> Configuration:
    """A replica's configuration for a reviewer, with placeholders where secrets and addresses are filled in."""
    conf = configuration(
        environment,
        host,
        connection=f"mysql+pymysql://{user}:<keystone_database_password>@<database>/keystone",
        memcached="<memcached>",
    )
    return {"keystone.conf": ini.readable(conf), "uwsgi.ini": ini.readable(server(environment, host))}


def demand(environment: Environment) -> Demand:
    """What the database server has to bear: every process of every replica may fill its pool, and old and new
    replicas stand side by side."""
    host = environment.place("keystone")[0].name
    database = configuration(environment, host, connection="", memcached="").get("database", {})
    uwsgi = server(environment, host).get("uwsgi", {})
    # what stands where an override has deleted the option. Source: oslo.db, uWSGI
    pool = ini.number(database, "max_pool_size", 5) + ini.number(database, "max_overflow", 50)
    processes = environment.service("keystone").replicas * ini.number(uwsgi, "processes", 1)
    return Demand(2 * processes * pool, ini.number(database, "connection_recycle_time", 3600))


def key_files(secrets: Mapping[str, str]) -> list[ConfigFile]:
    """What brings a host's keys to those of the settings: the program of ``keys.py`` and its orders."""
    wanted = {f"{KEYS}/{folder}": json.loads(secrets[name]) for folder, name in KEY_FOLDERS.items()}
    return [
        ConfigFile("/etc/kolla-iac/keys.py", (Path(__file__).parent / "keys.py").read_text()),
        ConfigFile("/etc/kolla-iac/keys.json", json.dumps(wanted)),
    ]


def schema_files(series: str) -> list[ConfigFile]:
    """What expands and contracts the schema: the program of ``schema.py`` and its orders."""
    refused = {old: why for old in SERIES if (why := no_step(old, series))}
    orders = {"series": series, "no_step": {old: "; ".join(why) for old, why in refused.items()}}
    return [
        ConfigFile("/etc/kolla-iac/schema.py", (Path(__file__).parent / "schema.py").read_text()),
        ConfigFile("/etc/kolla-iac/schema.json", json.dumps(orders)),
    ]


def replica_files(
    environment: Environment, host: str, *, connection: str, memcached: str
) -> list[ConfigFile]:
    """All files of one replica."""
    conf = configuration(environment, host, connection=connection, memcached=memcached)
    return [
        ConfigFile(CONFIG, ini.dump(conf), "keystone"),
        ConfigFile("/etc/keystone/uwsgi.ini", ini.dump(server(environment, host)), "keystone"),
        ConfigFile(
            "/etc/keystone/kolla_wsgi.py",
            render("keystone", "kolla_wsgi.py", check=SERVICE.check),
            "keystone",
        ),
    ]


def job_uploads(
    environment: Environment,
    script: str,
    more: Iterable[ConfigFile] = (),
    *,
    connection: str,
    memcached: str,
) -> tuple[Upload, ...]:
    """A script, keystone.conf as far as a Job needs it, and more files."""
    host = environment.place("keystone")[0].name
    conf = configuration(environment, host, connection=connection, memcached=memcached)
    short = {name: options for name, options in conf.items() if name in JOB_SECTIONS}
    files = [
        ConfigFile("/usr/local/bin/kolla_job", f"#!/bin/bash\nset -o errexit\n{script}", perm="0700"),
        ConfigFile(CONFIG, ini.dump(short), "keystone"),
    ]
    return uploads("/usr/local/bin/kolla_job", [*files, *more])


def bootstrap_script(environment: Environment, password: str) -> str:
    """Administrator, region and endpoints; run again, it adds what is missing and sets what differs."""
    settings = environment.service("keystone", KeystoneSettings)
    public = environment.endpoint("keystone").url
    options = {
        "username": settings.admin_user,
        "project-name": settings.admin_project,
        "region-id": environment.region,
        "public-url": f"{public}/v3",
        "internal-url": f"{INTERNAL}/v3",
        "admin-url": f"{INTERNAL}/v3",
    }
    words = " ".join(f"--bootstrap-{name} {shlex.quote(value)}" for name, value in options.items())
    return f"export OS_BOOTSTRAP_PASSWORD={shlex.quote(password)}\nexec keystone-manage bootstrap {words}\n"


def rollout(environment: Environment, image: str, rotations: Counts = NONE) -> Rollout:
    """New replicas beside the old; the schema expanded before them, contracted after them.

    Keys and the database's user change around them: new keys are readable everywhere before one signs, a new user
    is there before a replica logs in as it, and the old ones go when nothing uses them.

    Source: Keystone's guide to upgrades with minimal downtime.
    """
    used = {secret.name: rotations.get(secret.name, 0) for secret in SERVICE.secrets}
    keys = {folder: f"rotation {used[name]}" for folder, name in KEY_FOLDERS.items()}
    user = schema_user("keystone", used["keystone_database_password"])
    database = {  # the administrator makes and takes away the schema's users
        "schema": "keystone",
        "user": user,
        "administrator": f"rotation {rotations.get('mariadb_root_password', 0)}",
        **(server := server_of(environment)),
    }
    moves = environment.database.move
    password = {"password": f"rotation {used['keystone_admin_password']}"}
    settings = environment.service("keystone", KeystoneSettings)
    asked = {"administrator": f"{settings.admin_user} in {settings.admin_project}", **password}
    placement = tuple(host.name for host in environment.place("keystone"))
    common, on_host = configurations(placement, lambda host: readable(environment, host, user))
    public = environment.endpoint("keystone").url
    return Rollout(
        service="keystone",
        release=environment.release,
        form="surge",
        image=image,
        placement=placement,
        configuration=common,
        on_host=on_host,
        container={
            "limits": str(settings.limits),
            "health_check": str(settings.health_check),
            **({"database": uses(environment)} if uses(environment) else {}),
        },
        asked=asked,
        drain_seconds=settings.drain_seconds,
        before=(
            Act("keys-staged", "the newest keys are readable on every host, and sign nothing yet", keys),
            Act("keys-promoted", "the newest keys sign; those before them are still accepted", keys),
            *looked_at(environment, demand(environment).connections),
            *standing(environment, "keystone", database),
            *backup("keystone", user, environment, placement[0]),
            Act(
                "preflight",
                "the release may work on the schema, hosts have room, keystone-manage doctor is asked",
                {"release": environment.release, "image": image, **server},
                reads=JOB_READS,
            ),
            Act(
                "expand",
                "schema keystone is expanded",
                {"release": environment.release, "image": image, **server},
                reads=JOB_READS,
                alone=moves,
            ),
            Act(
                "bootstrap",
                "administrator, region and endpoints stand",
                {
                    "region": environment.region,
                    "public": public,
                    **asked,
                    **server,
                },
                reads=JOB_READS,
                alone=moves,
            ),
        ),
        between=switched(environment, "keystone", database),
        after=(
            Act(
                "contract",
                "schema keystone is contracted: what only older releases used goes",
                {"release": environment.release, "image": image, **server},
                reads=JOB_READS,
                irreversible=True,
                way_back=way_back("keystone", environment),
                held=environment.upgrade.contract == "manual",
            ),
            Act(
                "verify",
                "a token is issued and validated through the load balancer",
                {"release": environment.release, **asked},
                follows_containers=True,
                in_image=False,
            ),
            Act("users", "the schema's users of earlier passwords go", database),
            Act(
                "credentials",
                "stored credentials are encrypted with the newest key; old keys go",
                {**keys, **server},
                reads=JOB_READS,
            ),
        ),
        impact=Impact("none"),
        rotations=used,
        felt={secret.name: secret.felt for secret in SERVICE.secrets if secret.felt},
    )
