"""A shared app in a real browser: an OpenID provider of our own lets people in, and decisions carry who they are."""

import json
import re
import shutil
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.project.reviewing import open_record
from workbench.project.task import load_task

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SECRETS = """
[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "workbench"
client_secret = "secret"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
people = ["ana@desk.example", "@support.example"]
"""


class Provider(ThreadingHTTPServer):
    """Signs in whoever `who` is, without asking."""

    who = "ana@desk.example"

    def __init__(self):
        jwk = pytest.importorskip("joserfc.jwk")
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.key, self.nonces = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}), {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answers(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def send(self, found):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        asked, server = dict(urllib.parse.parse_qsl(url.query)), self.server
        if url.path == "/authorize":
            server.nonces["code"] = asked.get("nonce")
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?code=code&state={asked['state']}")
            self.end_headers()
        elif url.path == "/keys":
            self.send({"keys": [server.key.as_dict(private=False)]})
        else:
            ends = {name: f"{server.issuer}/{path}" for name, path in
                    {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}.items()}  # fmt: skip
            kinds = {"response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256"]}
            self.send({"issuer": server.issuer, **ends, **kinds, "subject_types_supported": ["public"]})

    def do_POST(self):
        from joserfc import jwt

        server, now = self.server, int(time.time())
        claims = {"iss": server.issuer, "aud": "workbench", "sub": server.who, "email": server.who, "email_verified": True}
        claims |= {"iat": now, "exp": now + 600, "nonce": server.nonces["code"]}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, server.key)
        self.send({"access_token": "a", "token_type": "Bearer", "expires_in": 600, "id_token": token})


@pytest.fixture(scope="module")
def provider():
    server = Provider()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def task(_ran_once, tmp_path_factory):
    return Path(shutil.copytree(_ran_once, tmp_path_factory.mktemp("shared") / "toy"))


@pytest.fixture(scope="module")
def shared(task, provider, serve):
    """Return the app as it is shared, on a task with a run."""
    return serve(task, SECRETS.replace("{issuer}", provider.issuer))


def at(shared):
    return shared.url.replace("127.0.0.1", "localhost")


def said(page, words):
    """Wait for words, in which a joiner of no width keeps an address from becoming a link."""
    page.get_by_text(re.compile(re.escape(words).replace("@", "\u2060?@"))).wait_for()


def test_nobody_sees_a_page_before_signing_in(chromium, shared):
    page = chromium.new_context().new_page()
    for path in ("", "review?reviewer=ana@desk.example", "training_set", "open"):
        page.goto(f"{at(shared)}/{path}")
        page.get_by_role("button", name="Sign in").wait_for()
        assert page.get_by_text("toy").count() == 0


def test_who_signed_in_reviews_under_that_name(chromium, shared, task):
    page = chromium.new_context().new_page()
    page.goto(f"{at(shared)}/review?reviewer=somebody")
    page.get_by_role("button", name="Sign in").click()
    said(page, "Signed in as ana@desk.example")
    page.goto(f"{at(shared)}/review?reviewer=somebody")
    page.locator("[data-as=row]").filter(has_text="row ").wait_for()
    page.keyboard.press("1")
    page.locator("[data-as=saved]").filter(has_text="1 saved").wait_for()
    assert list(open_record(load_task(task)).decisions()["reviewer"]) == ["ana@desk.example"]
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()


def test_who_is_not_among_the_people_is_turned_away(chromium, shared, provider):
    provider.who = "eve@elsewhere.example"
    page = chromium.new_context().new_page()
    page.goto(at(shared))
    page.get_by_role("button", name="Sign in").click()
    said(page, "eve@elsewhere.example may not use this workbench")
    provider.who = "bo@support.example"
    page.get_by_role("button", name="Sign in as somebody else").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    said(page, "Signed in as bo@support.example")
