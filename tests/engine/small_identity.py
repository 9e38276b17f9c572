"""What answers like Keystone, small: ``python3 small_identity.py identity | mariadb | memcached | job NAME``.

It runs inside containers, with the standard library alone. A token is issued and validated by asking the database;
the cache is asked before it, and done without where it is away. A job asks the database as long as oslo.db would in
proportion, then takes ``TAKES`` seconds.

``BROKEN`` of the image says what its release does wrong, and where: ``die@expand`` (the job ends at once),
``die@keystone-2``, ``500@keystone-1,keystone-2`` (every answer), ``token@keystone-1`` (alive, without tokens),
``500@verify`` and ``token@verify`` (towards those alone who ask at the inner address).
"""

import contextlib
import http.server
import json
import os
import pathlib
import secrets
import signal
import socket
import socketserver
import sys
import time
import urllib.request

PORT = 8000
TAKES = float(os.environ.get("TAKES", "0.7"))
PATIENCE = 20.0
"""Seconds for which a job goes on asking for a database that is away."""
KIND, _, WHERE = os.environ.get("BROKEN", "").partition("@")
PLACES = WHERE.split(",")


def broken(kind, place):
    return kind == KIND and place in PLACES


def ask(url, seconds):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=seconds) as answer:
        return answer.read()


def peers():
    return json.loads(pathlib.Path("/srv/peers.json").read_text())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, **headers):
        body = os.uname().nodename.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


class Store(Handler):
    def do_GET(self):
        self.answer(200)


class Identity(Handler):
    def wrong(self, kind):
        inner = self.headers.get("Host", "").startswith("keystone.internal")
        return broken(kind, os.uname().nodename) or (inner and broken(kind, "verify"))

    def without(self):
        """Why the database does not answer; empty if it does. The cache may be away."""
        with contextlib.suppress(OSError):
            ask(peers()["memcached"], 0.3)
        try:
            ask(peers()["mariadb"], 1)
        except OSError as error:
            return str(error)
        return ""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.wrong("500") or self.wrong("token"):
            self.answer(500)
        elif why := self.without():
            self.answer(503, Why=why)
        else:
            self.answer(201, X_Subject_Token="token-" + secrets.token_hex(8))

    def do_GET(self):
        if self.wrong("500"):
            self.answer(500)
        elif self.path.startswith("/slow"):
            time.sleep(float(self.path.rpartition("?")[2]))
            self.answer(200)
        elif self.path != "/v3/auth/tokens":
            self.answer(200)
        elif self.wrong("token"):
            self.answer(500)
        elif why := self.without():
            self.answer(503, Why=why)
        else:
            known = self.headers.get("X-Subject-Token", "").startswith("token-")
            self.answer(200 if known else 404)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


def job(name):
    if broken("die", name):
        sys.exit(f"{name}: this release cannot")
    end = time.monotonic() + PATIENCE
    while True:
        try:
            ask(peers()["mariadb"], 1)
            break
        except OSError as error:
            if time.monotonic() > end:
                sys.exit(f"{name}: no database: {error}")
            time.sleep(0.2)
    time.sleep(TAKES)
    print(f"note: {name} did its work")


def main(role, name=""):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if role == "job":
        job(name)
        return
    if role == "identity" and broken("die", os.uname().nodename):
        sys.exit("CRITICAL keystone: this release cannot")
    socket.setdefaulttimeout(30)
    Server(("", PORT), Identity if role == "identity" else Store).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
