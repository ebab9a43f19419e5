"""A person's way through the phone app, in Chromium at a phone's size: scan, report, log in, accept, start, close.

Set LINEWRIGHT_SCREENSHOTS to a folder to keep the pictures.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from linewright.layout import Layout
from linewright.progress import Progress
from linewright.site import Plan, open_site
from simulators.plant import DEMO

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed (Debian: apt-get install chromium)"),
]


@pytest.fixture
async def site(open_folder, free_port):
    folder = tempfile.mkdtemp(dir=open_folder)
    os.chmod(folder, 0o755)  # noqa: PTH101
    async with open_site(Plan(Layout(Path(folder)), DEMO, free_port()), Progress()) as running:
        yield running


@pytest.fixture
async def browser():
    async with async_playwright() as tool:
        chromium = await tool.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        await chromium.close()


class Phone:
    """One person's phone; remembers every host that it talked to."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self._shots = shots
        page.on("request", lambda request: self.hosts.add(re.sub(r"^\w+:(//([^/]+))?.*", r"\2", request.url)))

    async def shot(self, name):
        self._shots.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=self._shots / f"{name}.png")

    async def tap(self, test_id):
        await self.page.get_by_test_id(test_id).first.click()

    async def fill(self, test_id, text):
        await self.page.get_by_test_id(test_id).first.fill(text)

    async def log_in(self, url, login):
        await self.page.goto(f"{url}/login")
        await self.fill("login-name", login.name)
        await self.fill("login-password", login.password)
        await self.shot(f"login-{login.role}")
        await self.tap("login-submit")
        await self.page.wait_for_url("**/orders*")

    async def act(self, action, *, reason="", verdict=""):
        await self.tap(f"action-{action}")
        if reason:
            await self.fill("reason-input", reason)
        if verdict:
            await self.tap(f"verdict-{verdict}")
        if reason or verdict:
            await self.tap("confirm")

    async def sees_state(self, state):
        await expect(self.page.get_by_test_id("order-state")).to_have_attribute("data-state", state, timeout=15_000)


async def open_phone(browser, tmp_path, locale="zh-CN"):
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True, locale=locale
    )
    shots = Path(os.environ.get("LINEWRIGHT_SCREENSHOTS", tmp_path))
    return Phone(await context.new_page(), shots / locale)


async def test_from_a_scanned_label_to_a_closed_order(site, browser, tmp_path):
    logins = {login.role: login for login in site.logins}
    reporter = await open_phone(browser, tmp_path)
    await reporter.page.goto(site.scan_url)
    await expect(reporter.page.get_by_test_id("symptom-noise")).to_be_visible(timeout=15_000)
    await reporter.shot("label")
    await reporter.tap("symptom-noise")
    await reporter.tap("send-report")
    await expect(reporter.page.get_by_test_id("ticket")).to_be_visible(timeout=15_000)
    await reporter.shot("ticket")

    technician = await open_phone(browser, tmp_path)
    await technician.log_in(site.url, logins["technician"])
    await expect(technician.page.get_by_test_id("order-row").first).to_be_visible(timeout=15_000)
    await technician.shot("orders")
    await technician.tap("order-row")
    await technician.sees_state("NEW")
    await technician.act("assign")
    await technician.sees_state("ASSIGNED")
    await technician.act("accept")
    await technician.sees_state("ACCEPTED")
    await technician.act("start", reason="label is dirty")
    await technician.sees_state("IN_PROGRESS")
    await technician.shot("in-progress")
    await technician.act("complete")
    await technician.sees_state("DONE")
    order_url = technician.page.url

    planner = await open_phone(browser, tmp_path)
    await planner.log_in(site.url, logins["planner"])
    await planner.page.goto(order_url)
    await planner.act("close")
    await planner.sees_state("CLOSED")
    await planner.shot("closed")

    own = re.sub(r"^\w+://", "", site.url)
    assert {host for host in reporter.hosts | technician.hosts | planner.hosts if host} == {own}


async def test_the_failing_pump_shows_its_evidence_and_live_values(site, browser, tmp_path):
    phone = await open_phone(browser, tmp_path, "en")
    logins = {login.role: login for login in site.logins}
    await phone.log_in(site.url, logins["technician"])
    row = phone.page.get_by_test_id("order-row").filter(has_text=re.compile("bearing", re.I))
    await expect(row).to_be_visible(timeout=120_000)
    await row.click()
    chart = phone.page.get_by_test_id("evidence-chart").first
    await expect(chart).to_be_visible(timeout=15_000)
    await chart.evaluate("chart => chart.scrollIntoView({block: 'center'})")
    await phone.page.wait_for_timeout(800)  # the chart's own animation, for the picture only
    await phone.shot("order")
    await phone.page.goto(f"{site.url}/machines")
    await phone.shot("machines")
    await phone.page.get_by_text("pump-1").first.click()
    value = phone.page.get_by_test_id("live-value-vibration_rms")
    await expect(value).to_be_visible(timeout=15_000)
    before = await value.inner_text()
    await expect(value).not_to_have_text(before, timeout=15_000)
    await expect(phone.page.get_by_test_id("history-chart")).to_be_visible()
    await phone.page.wait_for_timeout(800)
    await phone.shot("machine")
