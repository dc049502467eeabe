"""What a plain suite has to bring itself: an SMTP server, a web server for webhooks, accounts, a browser's place."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import secrets
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from aiosmtpd.controller import Controller

URL = os.environ["SHOP_URL"]
ADMIN = ("admin@shop.example", "admin-demo-password")


@pytest.fixture(scope="session")
def base_url():
    return URL


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    found = os.environ.get("RELGATE_CHROMIUM") or shutil.which("chromium")
    return {**browser_type_launch_args, "executable_path": found} if found else browser_type_launch_args


@pytest.fixture(scope="session")
def mails():
    got = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802
            got.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
            return "250 ok"

    host, _, port = os.environ["SHOP_SMTP"].rpartition(":")
    controller = Controller(Handler(), hostname=host, port=int(port))
    controller.start()
    yield got
    controller.stop()


@pytest.fixture(scope="session")
def hooks():
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.got = got
    yield server
    server.shutdown()


@pytest.fixture
def http():
    with httpx.Client(base_url=URL, timeout=10, follow_redirects=True) as client:
        yield client


@pytest.fixture
def admin(http):
    answer = http.post("/api/login", json={"email": ADMIN[0], "password": ADMIN[1]})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture
def customer(http, admin):
    address, password = f"{secrets.token_hex(6)}@plain.example", secrets.token_urlsafe(12)
    assert http.post("/api/accounts", json={"email": address, "password": password}).status_code == 201
    token = http.post("/api/login", json={"email": address, "password": password}).json()["token"]
    yield address, password, {"Authorization": f"Bearer {token}"}
    http.delete(f"/api/accounts/{address}", headers=admin)


def order_of(http, address):
    order = {"items": [{"product_id": 3, "quantity": 2}], "email": address, "name": "Smoke"}
    return http.post("/api/orders", json=order).json()


def log_in(page, address, password):
    page.goto("/login")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def wait_for(find, timeout_s=10):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError


def link_of(message):
    return re.search(r"https?://\S+", message.get_body(("plain",)).get_content())[0]


__all__ = ["json", "link_of", "log_in", "order_of", "wait_for"]
