"""Keystone's deployment as data: what it consists of, and the files that its containers and Jobs get."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from kolla_iac.components.keystone.settings import SERVICE, KeystoneSettings
from kolla_iac.model.environment import Environment
from kolla_iac.plan.rollout import Act, Configuration, Impact, Rollout, configurations
from kolla_iac.render import ini
from kolla_iac.render.contract import ConfigFile, Permission
from kolla_iac.render.templates import render

CONFIG = "/etc/keystone/keystone.conf"
INTERNAL = f"http://keystone.internal:{SERVICE.port}"
JOB_SECTIONS = ("database", "identity", "fernet_tokens", "credential", "fernet_receipts")
"""What a Job needs of keystone.conf; a change of any other section does not run it again."""
JOB_READS = tuple(("keystone.conf", section) for section in JOB_SECTIONS)
KEYS = {"fernet-keys": "keystone_fernet_keys", "credential-keys": "keystone_credential_keys"}
"""Folder in /etc/keystone -> the secret that fills it."""


def configuration(environment: Environment, host: str, *, connection: str, memcached: str) -> ini.Sections:
    """``keystone.conf`` of a replica on ``host``."""
    text = render(
        "keystone",
        "keystone.conf",
        settings=environment.service("keystone", KeystoneSettings),
        connection=connection,
        memcached=memcached,
    )
    return ini.override(ini.parse(text), environment.overrides_for("keystone", host, "keystone.conf"))


def server(environment: Environment, host: str) -> ini.Sections:
    """``uwsgi.ini`` of a replica on ``host``."""
    settings = environment.service("keystone", KeystoneSettings)
    text = render("keystone", "uwsgi.ini", settings=settings, port=SERVICE.port, check=SERVICE.check)
    return ini.override(ini.parse(text), environment.overrides_for("keystone", host, "uwsgi.ini"))


def readable(environment: Environment, host: str) -> Configuration:
    """A replica's configuration for a reviewer, with placeholders where secrets and addresses are filled in."""
    conf = configuration(
        environment,
        host,
        connection="mysql+pymysql://keystone:<keystone_database_password>@<database>/keystone",
        memcached="<memcached>",
    )
    return {"keystone.conf": ini.readable(conf), "uwsgi.ini": ini.readable(server(environment, host))}


def key_files(secrets: Mapping[str, str]) -> list[ConfigFile]:
    """The same keys on every replica, whatever host it is on."""
    return [
        ConfigFile(f"/etc/keystone/{folder}/{index}", key, "keystone")
        for folder, secret in KEYS.items()
        for index, key in sorted(json.loads(secrets[secret]).items())
    ]


def replica_files(
    environment: Environment, secrets: Mapping[str, str], host: str, *, connection: str, memcached: str
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
        *key_files(secrets),
    ]


def job_files(
    environment: Environment, secrets: Mapping[str, str], script: str, *, connection: str, memcached: str
) -> list[ConfigFile]:
    """A script, keystone.conf as far as a Job needs it, and the keys."""
    host = environment.place("keystone")[0].name
    conf = configuration(environment, host, connection=connection, memcached=memcached)
    short = {name: options for name, options in conf.items() if name in JOB_SECTIONS}
    return [
        ConfigFile("/usr/local/bin/kolla_job", f"#!/bin/bash\nset -o errexit\n{script}", perm="0700"),
        ConfigFile(CONFIG, ini.dump(short), "keystone"),
        *key_files(secrets),
    ]


def key_folders() -> list[Permission]:
    """Keystone warns of key folders that others may read."""
    return [Permission(f"/etc/keystone/{folder}", "keystone:keystone", "0700") for folder in KEYS]


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


def rollout(environment: Environment, image: str) -> Rollout:
    """New replicas beside the old; the schema expanded before them, contracted after them.

    Source: Keystone's guide to upgrades with minimal downtime.
    """
    settings = environment.service("keystone", KeystoneSettings)
    placement = tuple(host.name for host in environment.place("keystone"))
    common, on_host = configurations(placement, lambda host: readable(environment, host))
    public = environment.endpoint("keystone").url
    return Rollout(
        service="keystone",
        release=environment.release,
        form="surge",
        image=image,
        placement=placement,
        configuration=common,
        on_host=on_host,
        container={"limits": str(settings.limits), "health_check": str(settings.health_check)},
        before=(
            Act("schema", "schema and user keystone stand on the database server", {"schema": "keystone"}),
            Act(
                "expand",
                "schema keystone is expanded",
                {"release": environment.release, "image": image},
                reads=JOB_READS,
            ),
            Act(
                "bootstrap",
                "administrator, region and endpoints stand",
                {"region": environment.region, "public": public, "admin": settings.admin_user},
                reads=JOB_READS,
            ),
        ),
        after=(
            Act(
                "contract",
                "schema keystone is contracted: what only older releases used goes",
                {"release": environment.release, "image": image},
                reads=JOB_READS,
                irreversible=True,
            ),
            Act(
                "verify",
                "a token is issued and validated through the load balancer",
                {"release": environment.release},
                follows_containers=True,
                in_image=False,
            ),
        ),
        impact=Impact("none"),
    )
