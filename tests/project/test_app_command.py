"""`workbench app`: on this machine only, unless people sign in."""

import pytest

from workbench.project.steps.app import command
from workbench.tables import WorkbenchError


def test_an_app_is_shared_only_with_a_sign_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WorkbenchError, match=r"as labels.example, so they have to sign in: write \[auth\] into"):
        command(shared_as="labels.example")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("[auth\n")
    with pytest.raises(WorkbenchError, match=r"secrets.toml cannot be read: .*; mend it, for it says who may use the app"):
        command()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("[auth]\n")
    assert "--server.allowedHosts=labels.example" in command(shared_as="labels.example")
    assert "--server.address=127.0.0.1" in command(shared_as="labels.example")
