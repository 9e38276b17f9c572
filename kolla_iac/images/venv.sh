#!/bin/sh
# Makes /var/lib/kolla/venv exactly as a lock says; the tools for it come from a lock too, and stay behind.
set -eu
venv=/var/lib/kolla/venv

if [ -s /run/secrets/ca ]; then
    export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca
fi
if [ -s /run/secrets/index ]; then
    PIP_INDEX_URL=$(cat /run/secrets/index)
    export PIP_INDEX_URL UV_DEFAULT_INDEX="$PIP_INDEX_URL"
fi

python3 -m venv /tmp/tools
/tmp/tools/bin/pip install -q --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r /tmp/build.lock

python3 -m venv --without-pip "$venv"
/tmp/tools/bin/uv pip sync --no-cache --require-hashes --only-binary :all: --python "$venv/bin/python" "$1"

# what a service never reads: tests, sources and headers of compiled extensions
site=$(echo "$venv"/lib/python3.*/site-packages)
find "$site" -mindepth 2 -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find "$site" -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete

# the service's user cannot write bytecode, and without it every start takes several times as long
"$venv"/bin/python -m compileall -q -j 0 "$site"
