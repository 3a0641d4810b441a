"""Every page, in light and dark, held against axe-core's rules: nothing serious or critical may be left."""

import shutil
from pathlib import Path

import pytest

from workbench.ui.frame import _LISTED

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
#: what a page shows when it is asked for more than its first sight
ASKED = {"functions": "&lf=promises", "review": "&reviewer=ann&queue=random", "write_rule": "&find=lunch"}
PAGES = [path for _, _, _, path, _ in _LISTED]


@pytest.fixture(scope="module")
def server(serve, _ran_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seen") / "data" / "toy"
    shutil.copytree(_ran_once, folder)
    return serve(folder)


@pytest.mark.parametrize("scheme", ["light", "dark"], ids=["light", "dark"])
@pytest.mark.parametrize("path", PAGES, ids=PAGES)
def test_no_page_has_a_serious_violation(chromium, server, path, scheme):
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, of the extra dev")
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{server.url}/{'' if path == 'overview' else path}?task=toy{ASKED.get(path, '')}")
    page.get_by_role("heading", level=1).wait_for(timeout=60_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
    page.wait_for_timeout(1_000)  # charts and canvases are drawn after the script
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run(document, {{ runOnly: {RULES} }})")["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    told = [(one["id"], node["html"][:200]) for one in grave for node in one["nodes"]]
    context.close()
    assert told == []
