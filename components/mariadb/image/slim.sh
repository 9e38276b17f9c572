#!/bin/sh
# The server's own data directory and what only its developers run.
set -eu
rm -rf /var/lib/mysql /etc/mysql/debian.cnf /usr/share/mysql/mysql-test /usr/lib/mysql/plugin/*test* \
    /usr/share/mysql/*/errmsg.sys.keep /tmp/slim.sh
