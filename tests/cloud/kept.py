"""What a cloud holds, made through the API before a change and compared with what is there after it, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .api import Api, Fields, all_of, password
from .support import Cloud

USERS, PROJECTS, GROUPS, OWNERS = 2000, 200, 20, 10
SECRET = "correct-horse"
TOP = (
    *("domains", "projects", "users", "groups", "roles", "role_assignments", "role_inferences"),
    *("credentials", "services", "endpoints", "regions"),
)
"""Collections that are read whole."""

PAGE = 1000

Rows = dict[str, Fields]
"""``users/<id>`` -> field -> value; what is nested has its path as the field's name."""


@dataclass(frozen=True)
class Owner:
    """A user of the domain who has things of his own, and what gets him a token."""

    user: str
    project: str
    application: Fields
    """An application credential, its secret among it."""
    trust: Fields
    """By him, for the next owner."""


@dataclass
class Kept:
    """A domain with all that belongs to it."""

    api: Api
    cloud: Cloud
    domain: str = ""
    users: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)

    def administrator(self) -> str:
        """A token of the administrator."""
        user = {"name": "admin", "domain": {"id": "default"}, "password": self.cloud.password()}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        return self.api.token({"methods": ["password"], "password": {"user": user}}, scope)

    def token_of(self, owner: Owner) -> str:
        """A token of a user of the domain, for his project."""
        return self.api.token(password(owner.user, SECRET), {"project": {"id": owner.project}})

    # making

    def fill(self) -> None:
        """Makes everything; some two and a half thousand requests."""
        token = self.administrator()

        def made(path: str, what: str, **fields: Any) -> Fields:
            answer: Fields = self.api.ask("POST", path, token, {what: fields})[0][what]
            return answer

        def put(path: str) -> None:
            self.api.ask("PUT", path, token)

        self.domain = made("/domains", "domain", name="kept", description="made before")["id"]
        mine = {"domain_id": self.domain}
        role, implied = (made("/roles", "role", name=name)["id"] for name in ("keeper", "implied"))
        put(f"/roles/{role}/implies/{implied}")
        self.users = all_of(
            lambda number: str(
                made("/users", "user", name=f"user-{number}", password=SECRET, **mine, **_extra(number))["id"]
            ),
            range(USERS),
        )
        self.projects = all_of(
            lambda number: str(
                made("/projects", "project", name=f"project-{number}", tags=[f"tag-{number % 7}"], **mine)[
                    "id"
                ]
            ),
            range(PROJECTS),
        )
        self.groups = all_of(
            lambda number: str(made("/groups", "group", name=f"group-{number}", **mine)["id"]), range(GROUPS)
        )
        per = USERS // PROJECTS
        paths = [
            f"/projects/{project}/users/{self.users[number * per]}/roles/{role}"
            for number, project in enumerate(self.projects)
        ]
        paths += [
            f"/projects/{project}/groups/{self.groups[number % GROUPS]}/roles/{implied}"
            for number, project in enumerate(self.projects)
        ]
        paths += [
            f"/groups/{group}/users/{self.users[number * 5 + one]}"
            for number, group in enumerate(self.groups)
            for one in range(5)
        ]
        paths.append(f"/domains/{self.domain}/users/{self.users[0]}/roles/{role}")
        all_of(put, paths)
        all_of(
            lambda user: made(
                "/credentials", "credential", type="kept", blob=f"secret of {user}", user_id=user
            ),
            self.users[: 5 * OWNERS],
        )
        self._own(role, per)

    def _own(self, role: str, per: int) -> None:
        """What only its owner can make."""
        who = [(self.users[number * per], self.projects[number]) for number in range(OWNERS)]
        for number, (user, project) in enumerate(who):
            token = self.api.token(password(user, SECRET), {"project": {"id": project}})
            rule = {"service": "identity", "method": "GET", "path": "/v3/users"}
            wanted: Fields = {
                "name": f"application of {number}",
                "roles": [{"id": role}],
                "access_rules": [rule],
            }
            application = self.api.ask(
                "POST", f"/users/{user}/application_credentials", token, {"application_credential": wanted}
            )[0]["application_credential"]
            trust = self.api.ask(
                "POST",
                "/OS-TRUST/trusts",
                token,
                {
                    "trust": {
                        "trustor_user_id": user,
                        "trustee_user_id": who[(number + 1) % OWNERS][0],
                        "project_id": project,
                        "impersonation": bool(number % 2),
                        "roles": [{"id": role}],
                    }
                },
            )[0]["trust"]
            self.owners.append(Owner(user, project, application, trust))

    # reading

    def rows(self) -> Rows:
        """Everything that the API says of it and of what stands beside it, a row a thing."""
        token = self.administrator()

        def read(path: str, what: str) -> Any:
            return self.api.ask("GET", path, token)[0][what]

        found: Rows = {}
        for collection in TOP:
            for one in self.whole(token, collection):
                found[f"{collection}/{_key(collection, one)}"] = flat(one)
        for group in self.groups:
            for one in read(f"/groups/{group}/users", "users"):
                found[f"members/{group}/{one['id']}"] = {"name": one["name"]}
        for owner in self.owners:
            for one in read(f"/users/{owner.user}/application_credentials", "application_credentials"):
                found[f"application_credentials/{one['id']}"] = flat(one)
        for one in read("/OS-TRUST/trusts", "trusts"):
            found[f"trusts/{one['id']}"] = flat(read(f"/OS-TRUST/trusts/{one['id']}", "trust"))
        return found

    def whole(self, token: str, collection: str) -> Iterator[Fields]:
        """A collection, of which Keystone gives no more than a thousand rows at once, and not all of them in pages."""
        path: str | None = f"/{collection}" + (f"?limit={PAGE}" if collection == "users" else "")
        while path:
            page, _ = self.api.ask("GET", path, token)
            yield from page[collection]
            assert "limit" in path or len(page[collection]) < PAGE, f"{collection} may be cut short"
            following = page.get("links", {}).get("next")
            path = following and following[following.index(f"/{collection}") :]

    def sign_in(self) -> dict[str, str]:
        """A token by each way there is."""
        first, second = self.owners[:2]
        application = {"id": first.application["id"], "secret": first.application["secret"]}
        by_application = {"methods": ["application_credential"], "application_credential": application}
        mine = password(first.user, SECRET)
        return {
            "administrator": self.administrator(),
            "for a project": self.api.token(mine, {"project": {"id": first.project}}),
            "for a domain": self.api.token(mine, {"domain": {"id": self.domain}}),
            "for nothing": self.api.token(password(self.users[-1], SECRET), "unscoped"),
            "application credential": self.api.token(by_application),
            "trust": self.api.token(
                password(second.user, SECRET), {"OS-TRUST:trust": {"id": first.trust["id"]}}
            ),
        }


def counts(rows: Iterable[str]) -> dict[str, int]:
    """How many rows there are of each collection."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.partition("/")[0]] = found.get(row.partition("/")[0], 0) + 1
    return found


def differences(before: Mapping[str, Fields], after: Mapping[str, Fields]) -> list[str]:
    """What of ``before`` is not there any more or not as it was, and what came in addition; a line each.

    >>> differences({"users/1": {"name": "a", "enabled": True}}, {"users/1": {"name": "a", "enabled": False}})
    ['users/1 (a): enabled: True -> False']
    >>> differences({"users/1": {}}, {"users/2": {"name": "b"}})
    ['users/1: gone', 'users/2 (b): new']
    """
    lines = []
    for key in sorted(before.keys() | after.keys()):
        if key not in after:
            lines.append(f"{_named(key, before[key])}: gone")
        elif key not in before:
            lines.append(f"{_named(key, after[key])}: new")
        else:
            old, new = before[key], after[key]
            lines += [
                f"{_named(key, old)}: {name}: {old.get(name, 'missing')!r} -> {new.get(name, 'missing')!r}"
                for name in sorted(old.keys() | new.keys())
                if (name in old, old.get(name)) != (name in new, new.get(name))
            ]
    return lines


def _named(key: str, row: Fields) -> str:
    return f"{key} ({row['name']})" if "name" in row else key


def _extra(number: int) -> Fields:
    """Fields that most users have not."""
    return {
        "description": f"number {number}",
        **({"email": f"{number}@kept.example", "enabled": False} if number % 10 == 3 else {}),
        **({"options": {"ignore_password_expiry": True}} if number % 10 == 4 else {}),
    }


def _key(collection: str, one: Fields) -> str:
    """What tells a row from the others."""
    if collection == "role_assignments":
        fields = flat(one)
        return " ".join(f"{name}={fields[name]}" for name in sorted(fields))
    return str(one["prior_role"]["id"] if collection == "role_inferences" else one["id"])


def flat(value: Any, path: str = "") -> Fields:
    """A nested value as one level, lists in the order of their text, since the API promises none; without links.

    Links say nothing that the ids do not, and whether the roles in a list have them depends on what was cached.

    >>> flat({"name": "a", "scope": {"project": {"id": "p"}}, "tags": ["y", "x"], "links": {"self": "..."}})
    {'name': 'a', 'scope.project.id': 'p', 'tags': ['x', 'y']}
    >>> flat({"roles": [{"id": "2", "links": {}}, {"id": "1"}]})
    {'roles': [{'id': '1'}, {'id': '2'}]}
    """
    if isinstance(value, Mapping) and value:
        found: Fields = {}
        for name, inner in value.items():
            if name != "links":
                found |= flat(inner, f"{path}.{name}" if path else name)
        return found
    if isinstance(value, list):
        return {path: sorted((flat(one) if isinstance(one, Mapping) else one for one in value), key=str)}
    return {path: value}
