"""A repository of backups on an SFTP server: restic's name for it, and the files that its ssh reads.

Whose server it is the settings say by its host key. A key that ssh meets first is never trusted.
"""

from __future__ import annotations

from kolla_iac.model.backup import Sftp
from kolla_iac.render.contract import ConfigFile

CONFIG, KEY, KNOWN = (f"/etc/kolla-iac/ssh/{name}" for name in ("config", "key", "known_hosts"))
SETTINGS = f"""Host *
  IdentityFile {KEY}
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile {KNOWN}
  GlobalKnownHostsFile /dev/null
  ConnectTimeout 20
  ServerAliveInterval 20
  ServerAliveCountMax 3
"""


def option(server: Sftp) -> str:
    """restic's option with which it calls ssh.

    >>> option(Sftp(host="backup.example", port=2022, user="kolla", path="/srv", host_key="ssh-ed25519 AAAA"))
    'sftp.command=ssh -F /etc/kolla-iac/ssh/config -p 2022 -l kolla backup.example -s sftp'
    """
    return f"sftp.command=ssh -F {CONFIG} -p {server.port} -l {server.user} {server.host} -s sftp"


def location(server: Sftp) -> str:
    """The repository as restic takes it.

    >>> location(Sftp(host="2001:db8::7", user="kolla", path="/srv/backups", host_key="ssh-ed25519 AAAA"))
    'sftp://kolla@[2001:db8::7]:22//srv/backups'
    """
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"sftp://{server.user}@{host}:{server.port}/{server.path}"


def files(server: Sftp, key: str) -> list[ConfigFile]:
    """What ssh reads.

    Args:
        key: the private key. Secret.
    """
    name = server.host if server.port == 22 else f"[{server.host}]:{server.port}"
    return [
        ConfigFile(CONFIG, SETTINGS),
        # ssh wants the line end that a secret is given without
        ConfigFile(KEY, key.rstrip() + "\n"),
        ConfigFile(KNOWN, f"{name} {server.host_key}\n"),
    ]
