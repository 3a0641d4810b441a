"""The server as it is started: what other web pages and machines get of it, whatever the current folder says."""

import base64
import http.client
import os
import socket
import subprocess

import pytest

HOSTILE = """[server]
address = "0.0.0.0"
enableCORS = false
corsAllowedOrigins = ["http://evil.example.org"]
allowedHosts = ["*"]
enableXsrfProtection = false
enableStaticServing = true
enableAgentApi = true
runOnSave = true
fileWatcherType = "poll"
maxUploadSize = 100000
[browser]
gatherUsageStats = true
[client]
toolbarMode = "developer"
"""


@pytest.fixture(scope="module")
def server(serve, _ran_once, tmp_path_factory):
    """Return the app, started in a folder whose settings turn everything off."""
    here = tmp_path_factory.mktemp("here")
    (here / ".streamlit").mkdir()
    (here / ".streamlit" / "config.toml").write_text(HOSTILE)
    before = os.getcwd()
    os.chdir(here)
    try:
        return serve(_ran_once)
    finally:
        os.chdir(before)


def ask(server, path, method="GET", **headers):
    """Return the status and the headers of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers
    finally:
        connection.close()


def dial(server, **headers):
    """Return the status of a WebSocket that another page opens: 101 where it is let in."""
    key = base64.b64encode(os.urandom(16)).decode()
    return ask(
        server,
        "/_stcore/stream",
        **{"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": key, "Sec_WebSocket_Version": "13", **headers},
    )[0]


def test_a_page_from_elsewhere_opens_no_connection(server):
    here = f"http://127.0.0.1:{server.port}"
    assert dial(server, Origin=here) == 101
    assert dial(server, Origin="http://evil.example.org") == 403
    assert dial(server, Origin="http://evil.example.org", Host="evil.example.org") == 403, "nor by a name that points here"


def test_a_page_from_elsewhere_reads_and_uploads_nothing(server):
    _, headers = ask(server, "/_stcore/health", Origin="http://evil.example.org")
    assert headers.get("Access-Control-Allow-Origin") not in ("*", "http://evil.example.org")
    assert ask(server, "/_stcore/upload_file/a/b", "PUT")[0] == 403, "without the token of the page"


def test_no_program_drives_the_app(server):
    assert ask(server, "/_stcore/agent/interact", "POST", Content_Type="application/json")[0] in (403, 404, 405)


def test_it_listens_on_this_machine_alone(server):
    with socket.socket() as elsewhere, pytest.raises(OSError):
        elsewhere.connect((_own_address(), server.port))


def _own_address():
    """Return this machine's address on its network, 127.0.0.2 where it has none: both are others than 127.0.0.1."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    return next((one for one in found if "." in one), "127.0.0.2")
