"""A Container's inputs as the body of Docker's create call, and its uploads as a tar archive. Pure."""

import base64
import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .durations import nanoseconds
from .resource import ResourceError
from .values import Properties

_MIB = 1024 * 1024

REPLACE = frozenset(
    """capabilities cgroupParent cgroupnsMode command cpus deviceRequests devices dns dnsOpts dnsSearches
    domainname entrypoints envs gpus groupAdds hostname hosts image ipcMode labels logDriver logOpts mounts
    name networkMode networksAdvanced pidMode platform ports privileged publishAllPorts readOnly runtime
    securityOpts shmSize stdinOpen stopSignal stopTimeout storageOpts sysctls tty ulimits uploads user
    usernsMode volumes workingDir""".split()
)
IN_PLACE = frozenset(
    """attach containerReadRefreshTimeoutMilliseconds cpuPeriod cpuQuota cpuSet cpuShares
    destroyGraceSeconds deviceReadBps deviceReadIops deviceWriteBps deviceWriteIops healthcheck init logs
    maxRetryCount memory memoryReservation memorySwap mustRun
    removeVolumes restart rm start tmpfs wait waitTimeout""".split()
)
UNORDERED = frozenset(
    """capabilities devices dns dnsOpts dnsSearches envs groupAdds hosts labels mounts networksAdvanced
    ports securityOpts ulimits uploads volumes""".split()
)
_NOT_SERVED = frozenset(
    "attach logs platform deviceRequests gpus deviceReadBps deviceReadIops deviceWriteBps deviceWriteIops".split()
)
SUPPORTED = (REPLACE | IN_PLACE) - _NOT_SERVED
DEFAULTS: Properties = {
    "mustRun": True,
    "start": True,
    "removeVolumes": True,
    "waitTimeout": 60,
    "containerReadRefreshTimeoutMilliseconds": 15000,
}

_TOP: dict[str, str] = {
    "image": "Image",
    "hostname": "Hostname",
    "domainname": "Domainname",
    "command": "Cmd",
    "entrypoints": "Entrypoint",
    "envs": "Env",
    "user": "User",
    "workingDir": "WorkingDir",
    "tty": "Tty",
    "stdinOpen": "OpenStdin",
    "stopSignal": "StopSignal",
    "stopTimeout": "StopTimeout",
}
_HOST: dict[str, str] = {
    "privileged": "Privileged",
    "publishAllPorts": "PublishAllPorts",
    "rm": "AutoRemove",
    "readOnly": "ReadonlyRootfs",
    "tmpfs": "Tmpfs",
    "dns": "Dns",
    "dnsOpts": "DnsOptions",
    "dnsSearches": "DnsSearch",
    "securityOpts": "SecurityOpt",
    "networkMode": "NetworkMode",
    "usernsMode": "UsernsMode",
    "pidMode": "PidMode",
    "ipcMode": "IpcMode",
    "cgroupnsMode": "CgroupnsMode",
    "cgroupParent": "CgroupParent",
    "runtime": "Runtime",
    "sysctls": "Sysctls",
    "storageOpts": "StorageOpt",
    "groupAdds": "GroupAdd",
    "init": "Init",
    "cpuPeriod": "CpuPeriod",
    "cpuQuota": "CpuQuota",
}
_UPDATABLE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "cpuShares": ("CpuShares", int),
    "cpuSet": ("CpusetCpus", str),
    "memory": ("Memory", lambda value: int(value) * _MIB),
    "memoryReservation": ("MemoryReservation", lambda value: int(value) * _MIB),
    "memorySwap": ("MemorySwap", lambda value: int(value) * _MIB if value > 0 else int(value)),
}
APPLIED_IN_PLACE = frozenset({"restart", "maxRetryCount", *_UPDATABLE})
"""What an update really changes on the running container; the rest is recorded only, as with the official one."""


def resources(inputs: Properties) -> dict[str, Any]:
    """The limits and the restart policy: what create and update have in common."""
    body = {name: convert(inputs[key]) for key, (name, convert) in _UPDATABLE.items() if inputs.get(key)}
    policy = {"Name": inputs.get("restart") or "no", "MaximumRetryCount": inputs.get("maxRetryCount") or 0}
    return body | {"RestartPolicy": policy}


def body(inputs: Properties) -> dict[str, Any]:
    """The body of ``POST /containers/create``.

    Raises:
        ResourceError: a value that Docker would not understand, as the official plugin words it.
    """
    top: dict[str, Any] = {name: inputs[key] for key, name in _TOP.items() if inputs.get(key)}
    if "" in (inputs.get("command") or []):
        raise ResourceError("values for command may not be empty")
    host: dict[str, Any] = {name: inputs[key] for key, name in _HOST.items() if inputs.get(key) is not None}
    host |= resources(inputs)
    if inputs.get("cpus"):
        host["NanoCpus"] = round(float(inputs["cpus"]) * 10**9)
    if inputs.get("shmSize"):
        host["ShmSize"] = int(inputs["shmSize"]) * _MIB
    if inputs.get("logDriver") or inputs.get("logOpts"):
        host["LogConfig"] = {"Type": inputs.get("logDriver", ""), "Config": inputs.get("logOpts", {})}
    if capabilities := inputs.get("capabilities"):
        host["CapAdd"] = capabilities.get("adds") or []
        host["CapDrop"] = capabilities.get("drops") or []
    host["ExtraHosts"] = [f"{item['host']}:{item['ip']}" for item in inputs.get("hosts", [])]
    host["Ulimits"] = [
        {"Name": item["name"], "Soft": item["soft"], "Hard": item["hard"]}
        for item in inputs.get("ulimits", [])
    ]
    host["Devices"] = [_device(item) for item in inputs.get("devices", [])]
    host["Mounts"] = [_mount(item) for item in inputs.get("mounts", [])]
    _ports(inputs.get("ports", []), top, host)
    _volumes(inputs.get("volumes", []), top, host)
    top["Labels"] = {item["label"]: item["value"] for item in inputs.get("labels", [])}
    if inputs.get("healthcheck"):
        top["Healthcheck"] = healthcheck(inputs["healthcheck"])
    return top | {"HostConfig": host}


def healthcheck(check: Properties) -> dict[str, Any]:
    """A health check in Docker's form, durations in nanoseconds."""
    spans = {
        "Interval": "interval",
        "Timeout": "timeout",
        "StartPeriod": "startPeriod",
        "StartInterval": "startInterval",
    }
    try:
        times = {name: nanoseconds(check[key]) for name, key in spans.items() if check.get(key)}
    except ValueError as error:
        raise ResourceError(f"healthcheck: {error}") from error
    return {"Test": check.get("tests", []), "Retries": check.get("retries") or 0} | times


def endpoint(network: Properties) -> dict[str, Any]:
    """How a container joins one of its ``networksAdvanced``."""
    addresses = {
        "IPv4Address": network.get("ipv4Address"),
        "IPv6Address": network.get("ipv6Address"),
        "LinkLocalIPs": network.get("linkLocalIps"),
    }
    others = {"MacAddress": network.get("macAddress"), "GwPriority": network.get("gwPriority")}
    return {name: value for name, value in others.items() if value} | {
        "Aliases": network.get("aliases") or [],
        "IPAMConfig": {name: value for name, value in addresses.items() if value},
        "DriverOpts": network.get("driverOpts") or {},
    }


def _device(item: Properties) -> dict[str, str]:
    return {
        "PathOnHost": item["hostPath"],
        "PathInContainer": item.get("containerPath") or item["hostPath"],
        "CgroupPermissions": item.get("permissions") or "rwm",
    }


def _mount(item: Properties) -> dict[str, Any]:
    mount: dict[str, Any] = {
        "Target": item["target"],
        "Type": item["type"],
        "Source": item.get("source", ""),
        "ReadOnly": bool(item.get("readOnly")),
    }
    if options := item.get("bindOptions"):
        mount["BindOptions"] = {"Propagation": options.get("propagation", "")}
    if options := item.get("tmpfsOptions"):
        mount["TmpfsOptions"] = {
            "SizeBytes": options.get("sizeBytes") or 0,
            "Mode": options.get("mode") or 0,
        }
    if options := item.get("volumeOptions"):
        mount["VolumeOptions"] = {
            "NoCopy": bool(options.get("noCopy")),
            **({"Subpath": options["subpath"]} if options.get("subpath") else {}),
            "Labels": {label["label"]: label["value"] for label in options.get("labels", [])},
            "DriverConfig": {
                "Name": options.get("driverName", ""),
                "Options": options.get("driverOptions") or {},
            },
        }
    return mount


def _ports(ports: Iterable[Properties], top: dict[str, Any], host: dict[str, Any]) -> None:
    exposed: dict[str, Any] = {}
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        key = f"{port['internal']}/{port.get('protocol') or 'tcp'}"
        exposed[key] = {}
        external = str(port["external"]) if port.get("external") else ""
        bindings.setdefault(key, []).append({"HostIp": port.get("ip") or "0.0.0.0", "HostPort": external})
    if exposed:
        top["ExposedPorts"], host["PortBindings"] = exposed, bindings


def _volumes(volumes: Iterable[Properties], top: dict[str, Any], host: dict[str, Any]) -> None:
    anonymous: dict[str, Any] = {}
    binds, others = [], []
    for volume in volumes:
        source = volume.get("volumeName") or volume.get("hostPath")
        path = volume.get("containerPath", "")
        mode = "ro" if volume.get("readOnly") else "rw"
        if volume.get("fromContainer"):
            others.append(volume["fromContainer"])
        elif not path:
            raise ResourceError("Unable to parse volumes: volume entry without container path")
        elif source:
            relabel = f",{volume['selinuxRelabel']}" if volume.get("selinuxRelabel") else ""
            binds.append(f"{source}:{path}:{mode}{relabel}")
        else:
            anonymous[path] = {}
    top["Volumes"], host["Binds"], host["VolumesFrom"] = anonymous, binds, others


def archive(uploads: Iterable[Properties]) -> bytes:
    """The uploads as an uncompressed tar archive, to be unpacked at ``/``.

    Raises:
        ResourceError: an upload with no content or with more than one.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for upload in uploads:
            content = _content(upload)
            entry = tarfile.TarInfo(upload["file"].lstrip("/"))
            entry.size = len(content)
            entry.mode = 0o744 if upload.get("executable") else 0o644
            if upload.get("permissions"):
                try:
                    entry.mode = int(str(upload["permissions"]), 8)
                except ValueError as error:
                    raise ResourceError(
                        f"error with upload permissions: {upload['permissions']!r} is not octal"
                    ) from error
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _content(upload: Properties) -> bytes:
    given = [key for key in ("content", "contentBase64", "source") if upload.get(key)]
    choices = "'content', 'content_base64', or 'source'"
    if not given:
        raise ResourceError(f"error with upload content: one of {choices} must be set")
    if len(given) > 1:
        raise ResourceError(f"error with upload content: only one of {choices} can be set")
    match given[0]:
        case "content":
            return str(upload["content"]).encode()
        case "contentBase64":
            return base64.b64decode(upload["contentBase64"])
        case _:
            try:
                return Path(upload["source"]).read_bytes()
            except OSError as error:
                raise ResourceError(f"could not read file: {error}") from error
