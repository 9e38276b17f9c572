"""Where this user's state, passphrase, clouds.yaml and timelines lie. Nothing but Python's own: set-up runs it too."""

import contextlib
import os
import secrets
from pathlib import Path


def home() -> Path:
    """``$KOLLA_IAC_HOME``, by default ``kolla-iac`` in the user's data directory (XDG)."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(os.environ.get("KOLLA_IAC_HOME") or data / "kolla-iac")


def make_home() -> Path:
    """The folder for state (mode 0700) with a random passphrase (0600). What is there is kept."""
    folder = home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = folder / "passphrase"
    if not passphrase.exists():
        new = folder / f".passphrase.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(32) + "\n")
        with contextlib.suppress(FileExistsError):  # never over one that another has just made
            os.link(new, passphrase)
        new.unlink()
    # last: where it is, the passphrase has been made
    (folder / "state").mkdir(mode=0o700, exist_ok=True)
    return folder


def is_in_use() -> bool:
    """Whether the engine keeps its state in ``home()``, by the passphrase that lies there, as ``.envrc`` sets it."""
    state, passphrase = (
        os.environ.get("PULUMI_BACKEND_URL", ""),
        os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"),
    )
    return state_folder(state) == home() / "state" and passphrase == str(home() / "passphrase")


def state_folder(url: str) -> Path | None:
    """The folder of a backend of files; None for any other.

    >>> state_folder("file:///srv/state?metadata=skip"), state_folder("s3://states")
    (PosixPath('/srv/state'), None)
    """
    if not url.startswith("file://"):
        return None
    return Path(url.removeprefix("file://").partition("?")[0]).expanduser()
