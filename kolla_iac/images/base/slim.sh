#!/bin/sh
# Takes out of a Debian root file system what no container of ours reads.
set -eu

find /usr/share/doc -type f ! -name copyright -delete
find /usr/share/doc -mindepth 1 -type l -delete
find /usr/share/doc -mindepth 1 -type d -empty -delete
rm -rf /usr/share/man/* /usr/share/info/* /usr/share/groff /usr/share/lintian /usr/share/linda \
    /usr/share/locale/* /usr/share/bash-completion /usr/share/zsh /usr/share/pixmaps /usr/share/gdb
rm -rf /var/cache/apt/* /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old
rm -rf /etc/apt/sources.list /etc/apt/apt.conf.d/docker-* /etc/resolv.conf.dpkg-*
find /var/log -type f -delete

# the interpreter's own tools for people: editor, documentation browser, drawing, demos
python=$(echo /usr/lib/python3.*)
rm -rf "$python"/idlelib "$python"/pydoc_data "$python"/turtledemo "$python"/tkinter "$python"/lib2to3 \
    "$python"/test "$python"/unittest/test "$python"/ensurepip
find "$python" -name '__pycache__' -prune -o -name 'turtle.py' -exec rm {} +

# hardware and boot: nothing boots a container
rm -rf /usr/lib/udev/hwdb.d /usr/lib/modules-load.d /usr/share/initramfs-tools /boot/*
find /tmp -mindepth 1 -delete
