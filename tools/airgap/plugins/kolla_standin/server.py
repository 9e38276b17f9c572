"""The plugin process: Pulumi's provider protocol over gRPC, for a set of stand-in resource types.

Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

import functools
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2

from . import wire
from .calls import Calls
from .diffing import changes
from .resource import Failure, Resource, ResourceError, unsupported
from .values import properties, struct

_MESSAGE_LIMIT = 400 * 1024 * 1024
_WORKERS = 64
"""Commands and waits hold a thread each; the engine runs 4 operations a core by default."""

Types = Mapping[str, Resource]
Configure = Callable[[dict[str, Any]], Types]


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """Answer an error with its text alone where it is meant for people, with its trace where it is a bug."""

    @functools.wraps(method)
    def call(self: "Provider", request: Any, context: Any) -> Any:
        with self.calls.running() as served:
            context.add_callback(served.abandon)
            try:
                return method(self, request, context)
            except ResourceError as error:
                text = str(error)
            except Exception:  # noqa: BLE001 - the engine shows it; nothing may be lost on the way
                text = f"bug in the stand-in plugin {self.name}:\n{traceback.format_exc()}"
        return context.abort(grpc.StatusCode.UNKNOWN, text)

    return call


class Provider(wire.provider_pb2_grpc.ResourceProviderServicer):  # type: ignore[misc]
    """One configured provider.

    Args:
        name: the package, ``docker`` or ``command``.
        version: of the SDK that it stands in for; the engine warns when they differ.
        configure: makes the resource types from the provider's configuration.
        settings: what that configuration may hold; more is refused.
    """

    def __init__(self, name: str, version: str, configure: Configure, settings: frozenset[str]) -> None:
        self.name = name
        self.version = version
        self.calls = Calls()
        self._configure = configure
        self._settings = settings
        self._types: Types | None = None
        self._lock = threading.Lock()
        self._config: dict[str, Any] = {}

    def _type(self, urn: str) -> Resource:
        with self._lock:
            if self._types is None:
                self._types = self._configure(self._config)
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        try:
            return self._types[token]
        except KeyError:
            known = ", ".join(sorted(self._types))
            raise ResourceError(
                f"the stand-in plugin {self.name} does not serve {token} (it serves {known}): "
                "install the official plugin"
            ) from None

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return wire.plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        schema = {"name": self.name, "version": self.version}
        return wire.provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        given = properties(request.news).keys() - self._settings - {"version", "pluginDownloadURL"}
        failures = unsupported(dict.fromkeys(given), frozenset(), f"{self.name}.Provider")
        return wire.provider_pb2.CheckResponse(inputs=request.news, failures=_refusals(failures))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = properties(request.old_inputs or request.olds), properties(request.news)
        response = wire.provider_pb2.DiffResponse
        different = sorted(key for key in {*old, *new} - {"version"} if old.get(key) != new.get(key))
        return response(changes=response.DIFF_SOME if different else response.DIFF_NONE, diffs=different)

    def Configure(self, request: Any, context: Any) -> Any:
        variables = {key.rsplit(":", 1)[-1]: value for key, value in request.variables.items()}
        with self._lock:
            self._config = variables | properties(request.args)
            self._types = None
        return wire.provider_pb2.ConfigureResponse(
            acceptSecrets=False, supportsPreview=False, acceptResources=False, acceptOutputs=False
        )

    @_told
    def Check(self, request: Any, context: Any) -> Any:
        name = request.urn.rsplit("::", 1)[-1]
        inputs, failures = self._type(request.urn).check(
            name, properties(request.olds), properties(request.news)
        )
        answer = wire.provider_pb2
        return answer.CheckResponse(
            inputs=struct(inputs),
            failures=_refusals(failures),
        )

    @_told
    def Diff(self, request: Any, context: Any) -> Any:
        rules = self._type(request.urn).rules
        found = changes(
            rules, properties(request.old_inputs), properties(request.news), list(request.ignoreChanges)
        )
        answer = wire.provider_pb2
        replaces = [change.key for change in found if change.replaces]
        return answer.DiffResponse(
            changes=answer.DiffResponse.DIFF_SOME if found else answer.DiffResponse.DIFF_NONE,
            diffs=[change.key for change in found],
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and rules.delete_before_replace,
            hasDetailedDiff=True,
            detailedDiff={
                change.key: answer.PropertyDiff(
                    kind=answer.PropertyDiff.Kind.Value(change.kind), inputDiff=True
                )
                for change in found
            },
        )

    @_told
    def Create(self, request: Any, context: Any) -> Any:
        created = self._type(request.urn).create(request.urn, properties(request.properties))
        return wire.provider_pb2.CreateResponse(id=created.id, properties=struct(created.outputs))

    @_told
    def Update(self, request: Any, context: Any) -> Any:
        outputs = self._type(request.urn).update(
            request.urn, request.id, properties(request.olds), properties(request.news)
        )
        return wire.provider_pb2.UpdateResponse(properties=struct(outputs))

    @_told
    def Read(self, request: Any, context: Any) -> Any:
        found = self._type(request.urn).read(
            request.id, properties(request.properties), properties(request.inputs)
        )
        if not found.id:
            return wire.provider_pb2.ReadResponse()
        return wire.provider_pb2.ReadResponse(
            id=found.id, properties=struct(found.outputs), inputs=struct(found.inputs)
        )

    @_told
    def Delete(self, request: Any, context: Any) -> Any:
        self._type(request.urn).delete(request.urn, request.id, properties(request.properties))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self.calls.stop()
        return empty_pb2.Empty()


def _refusals(failures: Iterable[Failure]) -> list[Any]:
    return [wire.provider_pb2.CheckFailure(property=item.key, reason=item.reason) for item in failures]


def serve(provider: Provider) -> None:
    """Print the port and serve until the engine ends, and then until nothing is in flight."""
    parent = os.getppid()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_WORKERS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
        ],
    )
    wire.provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == parent or provider.calls.count:
        time.sleep(1)
