"""What set-up installs, as data: versions, addresses, package names."""

ENGINE = "3.259.0"
"""Pulumi CLI: downloaded or built in this version; one on PATH must be at least this."""

ENGINE_ARCHIVE = "pulumi-v{version}-{system}-{machine}.tar.gz"
ENGINE_CHECKSUMS = "pulumi-{version}-checksums.txt"
ENGINE_URL = "https://github.com/pulumi/pulumi/releases/download/v{version}/{name}"
CONNECT_SECONDS = 6.0
"""How long a site may take to answer before it counts as not to be had."""

MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
"""``platform.machine()`` to the name in Pulumi's archives."""

ENGINE_FILES = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "pulumi-resource-pulumi-python",
)
GO = (1, 26)
GO_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go-1.26/bin/go", "/usr/lib/go/bin/go")
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
LDFLAGS = "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{version}"

PLUGINS = {"docker": "pulumi-docker", "command": "pulumi-command"}
"""Plugin to the locked package whose version it must have."""

STANDIN_PACKAGES = (
    "certifi",
    "charset-normalizer",
    "docker",
    "grpcio",
    "idna",
    "protobuf",
    "pulumi",
    "requests",
    "typing-extensions",
    "urllib3",
)
"""What the stand-in plugins need of requirements.lock."""

UV = "uv==0.9.5"
"""Fetched with pip into the cache where the machine has no uv."""

DOCKER_PACKAGES = ("docker.io", "iptables", "cgroupfs-mount")
BUILDX_PACKAGE = "docker-buildx"
DOCKER_SOCKET = "/var/run/docker.sock"
DOCKER_LOG = "/var/log/kolla-iac-dockerd.log"
DOCKER_SECONDS = 60.0
"""How long a daemon that was just started may take to answer."""
