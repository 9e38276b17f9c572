"""The engine's gRPC messages, without the rest of the Pulumi SDK.

``import pulumi`` takes about a second, which each provider process would pay before it prints its port.
The generated modules need only grpc and protobuf, so they are loaded through a package of our own whose
search path is the SDK's folder of them.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = "kolla_standin_proto"


def _folder() -> Path:
    spec = importlib.util.find_spec("pulumi")
    if spec is None or spec.origin is None:
        raise ImportError("the package pulumi is not installed beside the stand-in plugins")
    return Path(spec.origin).parent / "runtime" / "proto"


def _load(name: str) -> Any:
    if _PACKAGE not in sys.modules:
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(_folder())]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.{name}")


provider_pb2: Any = _load("provider_pb2")
provider_pb2_grpc: Any = _load("provider_pb2_grpc")
plugin_pb2: Any = _load("plugin_pb2")


def engine_stub(address: str) -> Any:
    """A client of the engine at ``address``, for log lines; loaded only where something is to be said."""
    import grpc

    stubs = _load("engine_pb2_grpc")
    return stubs.EngineStub(grpc.insecure_channel(address))


def log_request(urn: str, message: str, *, ephemeral: bool = True) -> Any:
    """One line of information about ``urn``; an ephemeral one is not repeated under Diagnostics."""
    messages = _load("engine_pb2")
    return messages.LogRequest(severity=messages.INFO, message=message, urn=urn, ephemeral=ephemeral)
