"""Checks, expands or contracts Keystone's schema, as far as the code of this image goes. Runs inside it:
``schema.py check|expand|contract``.

``check`` touches nothing: may this release work on what the schema holds, has this host room for what follows, and
what does ``keystone-manage doctor`` say? What the doctor finds are notes; a doctor that cannot run is a failure.

Going back from an upgrade that was not completed runs the phases of the earlier release against a schema that the
later one has expanded already. Keystone's own command ends with "Can't locate revision" there; but an expanded schema
serves the earlier release too, so this does nothing then, and says so. A schema that a later release has *contracted*
does not: that ends the phase with an error.

The database says which revisions it is at, one of each branch; the package says which it knows. That tells nothing of
releases whose migrations are the same, so a table beside Keystone's own keeps which series began which phase last.
It goes with the schema: a dump from before an upgrade brings the record from before back too.

Reads /etc/kolla-iac/schema.json: ``series``, and ``no_step``: other series -> why no step leads from it to this one.
"""

import configparser
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

CONFIG = "/etc/keystone/keystone.conf"
ORDERS = "/etc/kolla-iac/schema.json"
TABLE = "kolla_iac_series"
DISK_MIB = 1024
"""Free space that new containers and what the schema's migration logs need on a host. This file system is Docker's."""
Record = dict[str, str]
"""Phase, ``expand`` or ``contract`` -> the series that began it last."""
Branches = dict[str, str]
"""Revision -> its branch: ``expand`` or ``contract``, which is the folder's name; empty for the first one."""


def known(versions: pathlib.Path) -> Branches:
    """The revisions in a folder of Alembic's, and below it."""
    found = {}
    for file in versions.rglob("*.py"):
        if match := re.search(r"^revision\s*=\s*['\"](\w+)['\"]", file.read_text(), re.MULTILINE):
            branch = file.parent.name
            found[match[1]] = branch if branch in ("expand", "contract") else ""
    return found


def verdict(at: list[str], branches: Branches) -> str:
    """``run``: the schema is at revisions of ours; ``ahead``: a later release has expanded it; ``beyond``: or more."""
    later = [revision for revision in at if revision not in branches]
    if not later:
        return "run"
    rest = {branches[revision] for revision in at if revision in branches}
    return "ahead" if len(later) == 1 and rest <= {"contract"} else "beyond"


def objection(record: Record, series: str, no_step: dict[str, str]) -> str:
    """Why this series may not expand a schema that others have worked on; empty where it may."""
    stands = record.get("contract", series)
    half = record.get("expand", stands)
    if series == stands:
        return ""
    if half not in (stands, series):
        return f"an upgrade from {stands} to {half} is half done; {half} completes it, {stands} goes back"
    return no_step.get(stands, "")


def diagnosed(said: str) -> list[str]:
    """The findings in what ``keystone-manage doctor`` prints: the first line of each, its advice left out.

    >>> diagnosed("\\nWARNING: `keystone.conf [cache] enabled` is not enabled.\\n\\n    Caching greatly improves ...")
    ['`keystone.conf [cache] enabled` is not enabled.']
    """
    return re.findall(r"^WARNING: (.+)$", said, re.MULTILINE)


def check(series: str, at: list[str], found: str) -> None:
    """What must hold before anything is touched, beyond which steps are allowed."""
    free = shutil.disk_usage("/").free // 2**20
    if free < DISK_MIB:
        sys.exit(f"refused: {free} MiB are free on this host's Docker, at least {DISK_MIB} are needed")
    stands = {"run": f"{series} takes it from there", "ahead": "expanded by a later release"}[found]
    print(f"note: the schema is at {', '.join(at)}: {stands}" if at else "note: the schema is empty")
    done = subprocess.run(["keystone-manage", "doctor"], capture_output=True, text=True, check=False)
    findings = diagnosed(done.stdout + done.stderr)
    for finding in findings:
        print(f"note: keystone-manage doctor: {finding}")
    if done.returncode and not findings:
        sys.exit(f"keystone-manage doctor failed ({done.returncode}): {(done.stdout + done.stderr)[-2000:]}")


def revisions(engine: Any) -> list[str]:
    """What the database is at; empty for a schema without tables."""
    return [row[0] for row in _rows(engine, "alembic_version", "version_num")]


def read(engine: Any) -> Record:
    """Phase -> the series that did it last; empty where nobody kept a record."""
    return {row[0]: row[1] for row in _rows(engine, TABLE, "phase, series")}


def write(engine: Any, phase: str, series: str) -> None:
    """Keeps which series begins a phase."""
    import sqlalchemy  # noqa: PLC0415

    columns = "phase VARCHAR(16) PRIMARY KEY, series VARCHAR(16) NOT NULL"
    with engine.begin() as opened:
        opened.execute(sqlalchemy.text(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})"))
        opened.execute(sqlalchemy.text(f"DELETE FROM {TABLE} WHERE phase = :phase"), {"phase": phase})
        values = {"phase": phase, "series": series}
        opened.execute(sqlalchemy.text(f"INSERT INTO {TABLE} VALUES (:phase, :series)"), values)


def _rows(engine: Any, table: str, columns: str) -> list[Any]:
    import sqlalchemy  # noqa: PLC0415

    with engine.connect() as opened:
        if not sqlalchemy.inspect(opened).has_table(table):
            return []
        return list(opened.execute(sqlalchemy.text(f"SELECT {columns} FROM {table}")))


def main(phase: str) -> None:
    import sqlalchemy  # noqa: PLC0415

    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read(CONFIG)
    orders = json.loads(pathlib.Path(ORDERS).read_text())
    series = orders["series"]
    (package,) = importlib.util.find_spec("keystone").submodule_search_locations  # type: ignore[union-attr, misc]
    branches = known(pathlib.Path(package, "common", "sql", "migrations", "versions"))
    engine = sqlalchemy.create_engine(config["database"]["connection"])
    if phase != "contract" and (why := objection(read(engine), series, orders["no_step"])):
        sys.exit(f"refused: {why}")
    at = revisions(engine)
    found = verdict(at, branches)
    if found == "beyond":
        sys.exit(f"refused: the schema is contracted for a later release than {series} ({', '.join(at)})")
    if phase == "check":
        check(series, at, found)
        return
    if found == "run" or phase == "expand":
        write(engine, phase, series)  # before it begins: a phase that was cut off may have done its part
    if found == "ahead":
        print(f"note: the schema is expanded for a later release already ({', '.join(at)}): nothing to do")
        return
    status = subprocess.run(["keystone-manage", "db_sync", f"--{phase}"], check=False).returncode
    print(f"note: schema before {phase}: {', '.join(at) or 'empty'}; after: {', '.join(revisions(engine))}")
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
