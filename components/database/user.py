"""Names of schemas' users: one for each password, so that two passwords work while replicas change over."""


def schema_user(schema: str, rotation: int) -> str:
    """The user that has a schema after its password was rotated so often.

    A new user instead of a second password, which MySQL knows and MariaDB does not; and never a name that was used
    before, so that a rotation that was cut off may be followed by another.

    >>> schema_user("keystone", 0), schema_user("keystone", 2)
    ('keystone', 'keystone_2')
    """
    return f"{schema}_{rotation}" if rotation else schema
