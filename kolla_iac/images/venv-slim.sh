#!/bin/sh
# Takes tests, headers and sources of extensions out of a virtual environment, then byte-compiles it:
# the service's user cannot write bytecode, and without it every start takes several times as long.
set -eu
site=$(echo "$1"/lib/python3.*/site-packages)

find "$site" -mindepth 2 -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find "$site" -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete
find "$site" -type d -name __pycache__ -prune -exec rm -rf {} +
"$1"/bin/python -m compileall -q -j 0 "$site"
