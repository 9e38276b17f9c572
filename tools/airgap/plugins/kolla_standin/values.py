"""Properties as the engine sends them (protobuf Structs) to plain Python values and back."""

from collections.abc import Mapping
from typing import Any

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes where a value is not known yet (Pulumi's sentinel for any unknown)."""

Properties = dict[str, Any]


def plain(value: Any) -> Any:
    """A protobuf ``Value`` as Python; whole numbers become ``int``.

    Secrets do not occur: the stand-ins tell the engine that they accept none, so it unwraps them before
    a call and wraps the outputs again afterwards.
    """
    match value.WhichOneof("kind"):
        case "struct_value":
            return properties(value.struct_value)
        case "list_value":
            return [plain(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def properties(struct: Any) -> Properties:
    """A protobuf ``Struct`` as a dict, without the keys that are null."""
    pairs = ((key, plain(value)) for key, value in struct.fields.items())
    return {key: value for key, value in pairs if value is not None}


def struct(values: Mapping[str, Any]) -> Any:
    """A dict as a protobuf ``Struct``; None is left out at the top level."""
    from google.protobuf import struct_pb2

    result = struct_pb2.Struct()
    result.update({key: value for key, value in values.items() if value is not None})
    return result


def known(value: Any) -> bool:
    """Whether ``value`` holds no unknown, at any depth."""
    if isinstance(value, dict):
        return all(known(item) for item in value.values())
    if isinstance(value, list):
        return all(known(item) for item in value)
    return bool(value != UNKNOWN)
