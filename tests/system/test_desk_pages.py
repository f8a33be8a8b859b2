"""The desk in a real browser: accessible, by keyboard alone, on a narrow page, and with reports in their sandbox."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from accessibility import serious_problems
from running_desk import FOUND, Client, running_desk, write_report

from komorebi_qc.core.notes import Note, Notes, notes_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
NOTE = Note("00000000000000aa", 1.0, 2.5, "Text.", "", "major", "", "2026-11-27T13:58:00Z", "")
WRITING = """<!doctype html><html lang="en"><title>report</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
 connect-src 'self' http://127.0.0.1:*; media-src 'self'">
<audio id="audio" src="audio/both.m4a"></audio><p id="out"></p>
<script>
const tried = (work) => work().then((found) => String(found), (error) => "refused");
(async () => {
  const out = {};
  const got = await fetch("notes.json");
  out.desk = got.headers.get("X-Komorebi-Desk");
  const notes = await got.json(), put = (body, version) => fetch("notes.json", { method: "PUT",
    headers: { "If-Match": version, "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const note = { id: "00000000000000bb", from_s: 1, to_s: 2, text: "Words <b>here</b>.", category: "",
    severity: "minor", by: "", made_at: "2026-11-27T14:00:00Z", run_id: "" };
  const saved = await put({ ...notes, notes: [...notes.notes, note] }, got.headers.get("ETag"));
  out.saved = saved.status; out.version = saved.headers.get("ETag") !== null;
  const late = await put({ ...notes, notes: [note] }, got.headers.get("ETag"));
  out.late = late.status; out.sentence = (await late.json()).error;
  out.origin = self.origin;
  out.desk_reached = await tried(async () => (await fetch("/" + "x".repeat(43) + "/api/overview")).status);
  out.other_report = await tried(async () => (await fetch("../" + "0".repeat(40) + "/qc.json")).status);
  out.elsewhere = await tried(async () => (await fetch("http://localhost:1/")).status);
  out.storage = await tried(async () => localStorage.length);
  document.getElementById("out").textContent = JSON.stringify(out);
})();
</script>"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Client]:
    """A desk of three reports; the fake audit prints two steps, and ends with a sentence."""
    root = tmp_path / "reports"
    failing = [{**FOUND, "name": name, "status": "fail"} for name in ("sync_status", "drift", "call_snr", "a", "b")]
    write_report(root / "complaint", "call-1", "fail", findings=failing, sync={"status": "ambiguous"})
    write_report(root / "day-1" / "calm", "call-2", "pass", sync={"status": "aligned"})
    write_report(root / "day-1" / "loud", "call-3", "warn", findings=[{**FOUND, "status": "warn"}])
    (root / "complaint" / "notes.json").write_bytes(notes_bytes(Notes("call-1", (NOTE,))))
    (root / "complaint" / "correction.json").write_text("{}")
    (root / "complaint" / "report.html").write_text(WRITING)
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time\nprint('1/2 read both files', flush=True)\ntime.sleep(2.5)\n"
        "print('error: ' + ' '.join(sys.argv[1:3]), flush=True)\nsys.exit(1)\n"
    )
    with running_desk(root, (sys.executable, str(program))) as client:
        yield client


@contextmanager
def opened(browser: Browser, desk: Client, **more: Any) -> Iterator[Page]:
    """The desk's page. It has no errors, and asks no other server."""
    context = browser.new_context(**more)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("request", lambda one: errors.append(one.url) if f"127.0.0.1:{desk.running.port}" not in one.url else None)
    try:
        page.goto(desk.running.address)
        page.get_by_role("row").nth(3).wait_for()
        yield page
        # Chromium reports each answer of 4xx; the page shows its sentence.
        assert [one for one in errors if not one.startswith(("data:", "Failed to load resource"))] == []
    finally:
        context.close()


def test_the_desk_lists_and_searches(browser: Browser, desk: Client) -> None:
    """Reports that fail are first; a search and a choice leave the others out."""
    with opened(browser, desk) as page:
        assert page.title() == "reports - desk"
        rows = page.locator("#reports tr")
        assert rows.count() == 3
        assert rows.nth(0).inner_text().split()[:3] == ["fail", "complaint", "call-1"]
        assert "sync status, drift, call snr, a and 1 more" in rows.nth(0).inner_text()
        assert "1 major" in rows.nth(0).inner_text()
        page.get_by_label("Search").fill("day-1")
        assert rows.count() == 2
        page.get_by_label("Show").select_option("pass")
        assert rows.all_inner_texts()[0].split()[1] == "day-1/calm"
        assert page.locator("#count").inner_text() == "1 of 3"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desk_is_accessible(browser: Browser, desk: Client, width: int, scheme: str) -> None:
    """The page has no serious problem, and no sideways scroll, with a job that failed."""
    with opened(browser, desk, viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True) as page:
        page.get_by_role("button", name="Audit again: complaint").click()
        page.get_by_role("button", name="Start").click()
        page.locator("#jobs .failed").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert serious_problems(page) == []


def test_the_keyboard_alone(browser: Browser, desk: Client) -> None:
    """From the list to an audit of a corrected recording, and to its sentence, without a mouse."""
    with opened(browser, desk) as page:

        def tab_to(name: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if (
                    page.evaluate(
                        "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent)"
                    )
                    == name
                ):
                    return
            raise AssertionError(name)

        tab_to("Audit again: complaint")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.name") == "call_end"
        page.keyboard.type("00:00:22")
        page.keyboard.press("Enter")
        page.locator("#jobs .failed").wait_for()
        assert page.locator("#jobs .failed .bad").inner_text() == "audit call-1"
        page.reload()
        tab_to("complaint")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{desk.report('complaint')}/**")


def test_a_job_shows_its_progress(browser: Browser, desk: Client) -> None:
    """A refused request is a sentence; a job shows its step, then its end."""
    with opened(browser, desk) as page:
        page.get_by_role("button", name="Start").click()
        message = page.locator("#message.bad")
        message.wait_for()
        assert message.inner_text().startswith("the folder for the result is missing: name one below")
        page.get_by_label("Recording ID").fill("call-9")
        page.get_by_label("Result").fill("new")
        page.get_by_role("button", name="Start").click()
        page.locator("#jobs .running").filter(has_text="1 of 2: read both files").wait_for()
        page.locator("#jobs .failed").filter(has_text="audit call-9").wait_for()
        assert page.locator("#progress").inner_text() == "audit into new: failed"


LEAVING = """<!doctype html><html lang="en"><title>report</title><p>A report.</p><script>
const elsewhere = (way) => "http://127.0.0.1:PORT/?" + way;
const leave = () => {
  const form = document.createElement("form"), link = document.createElement("a");
  form.action = elsewhere("form"); link.href = elsewhere("link"); link.ping = elsewhere("ping"); link.target = "_top";
  document.body.append(form, link);
  for (const way of [() => { top.location = elsewhere("top"); }, () => window.open(elsewhere("popup")),
    () => form.submit(), () => link.click(), () => navigator.sendBeacon(elsewhere("beacon")),
    () => { location.href = elsewhere("navigation"); }]) try { way(); } catch {}
};
WHEN
</script>"""


def test_a_report_cant_go_elsewhere(browser: Browser, desk: Client) -> None:
    """Neither by itself, nor with a click: another server gets no request, with what the report has read in it."""
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        """Another server."""

        def do_GET(self) -> None:
            """Note the request."""
            asked.append(self.path)
            self.send_error(404)

        def do_POST(self) -> None:
            """Note a form."""
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = Thread(target=server.serve_forever)
    thread.start()
    page_file = desk.running.desk.root.root / "complaint" / "report.html"
    content = LEAVING.replace("PORT", str(server.server_port))
    context = browser.new_context()
    try:
        report = context.new_page()
        address = f"http://127.0.0.1:{desk.running.port}{desk.running.desk.address_of('complaint')}"
        for when in ("leave();", "document.addEventListener('click', leave);"):
            page_file.write_text(content.replace("WHEN", when))
            report.goto(f"{address}report.html")
            if "click" in when:
                report.frame_locator("iframe").first.locator("p").click()
            report.wait_for_timeout(1500)
            assert len(report.frames) > 1
            assert report.url == address
            assert len(context.pages) == 1
    finally:
        context.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == []


def test_a_report_saves_its_notes_from_its_sandbox(browser: Browser, desk: Client) -> None:
    """It reaches its own folder, and neither the desk, nor another report, nor another address."""
    with opened(browser, desk) as page:
        # Other addresses are refused by the policy, which the console reports.
        context = page.context.browser.new_context()  # type: ignore[union-attr]
        try:
            report = context.new_page()
            report.goto(f"http://127.0.0.1:{desk.running.port}{desk.running.desk.address_of('complaint')}")
            out = report.frame_locator("iframe").first.locator("#out")
            out.filter(has_text="storage").wait_for()
            found = json.loads(out.inner_text())
        finally:
            context.close()
    sentence = found.pop("sentence")
    assert sentence.startswith("notes.json was changed by somebody else since you opened it; nothing was written.")
    assert found == {
        "desk": "1",
        "saved": 200,
        "version": True,
        "late": 409,
        "origin": "null",
        "desk_reached": "refused",
        "other_report": "403",
        "elsewhere": "refused",
        "storage": "refused",
    }
    saved = json.loads((desk.running.desk.root.root / "complaint" / "notes.json").read_bytes())
    assert [one["text"] for one in saved["notes"]] == ["Words <b>here</b>.", "Text."]
