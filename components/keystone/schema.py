"""Expands or contracts Keystone's schema, as far as the code of this image goes. Runs inside it: ``schema.py PHASE``.

Going back from an upgrade that was not completed runs the phases of the earlier release against a schema that the
later one has expanded already. Keystone's own command ends with "Can't locate revision" there; but an expanded schema
serves the earlier release too, so this does nothing then, and says so. A schema that a later release has *contracted*
does not: that ends the phase with an error.

The database says which revisions it is at, one of each branch; the package says which it knows.
"""

import configparser
import importlib.util
import os
import pathlib
import re
import sys

CONFIG = "/etc/keystone/keystone.conf"
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


def revisions(connection: str) -> list[str]:
    """What the database is at; empty for a schema without tables."""
    import sqlalchemy  # noqa: PLC0415

    engine = sqlalchemy.create_engine(connection)
    with engine.connect() as opened:
        if not sqlalchemy.inspect(opened).has_table("alembic_version"):
            return []
        return [row[0] for row in opened.execute(sqlalchemy.text("SELECT version_num FROM alembic_version"))]


def main(phase: str) -> None:
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read(CONFIG)
    (package,) = importlib.util.find_spec("keystone").submodule_search_locations  # type: ignore[union-attr, misc]
    branches = known(pathlib.Path(package, "common", "sql", "migrations", "versions"))
    at = revisions(config["database"]["connection"])
    found = verdict(at, branches)
    if found == "beyond":
        sys.exit(f"the schema is contracted for a later release ({', '.join(at)}): this one cannot use it")
    if found == "ahead":
        print(f"note: the schema is expanded for a later release already ({', '.join(at)}): nothing to do")
        return
    os.execvp("keystone-manage", ["keystone-manage", "db_sync", f"--{phase}"])


if __name__ == "__main__":
    main(sys.argv[1])
