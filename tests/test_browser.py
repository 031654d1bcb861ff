"""report.html and index.html in a real headless Chromium: what a person sees, and what hostile text cannot do."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ai_scientist.report.index import write_index
from ai_scientist.report.writing import write_report
from ai_scientist.study.events import AttemptEnded, Event, PlotEnded, Stopped, StudyEnded, StudyStarted, TurnEnded
from ai_scientist.study.journal import Journal, read_journal

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian, Ubuntu: sudo apt install chromium)")

# It would set a mark in the page if any of it were taken for HTML, an attribute, a script or an address.
EVIL = (
    "</pre></script></style><script>window.hit = 1</script>\"><img src=x onerror='window.hit=2'>"
    "' onmouseover='window.hit=3' <svg onload=window.hit=4> javascript:window.hit=5 {{ 7 * 7 }} "
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00\x08\x9b \u202egnp.exe\u2066"
)


@dataclass
class Seen:
    """A page that is open in the browser, with what its console said."""

    page: Page
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
        flags += ["--disable-background-networking", "--disable-component-update"]
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=flags)


@pytest.fixture
def opened(browser: Browser) -> Iterator["Opened"]:
    opener = Opened(browser)
    yield opener
    opener.close()


class Opened:
    """Opens files; each in a browser profile of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts = []

    def __call__(self, path: Path, width: int = 1280, *, javascript: bool = True) -> Seen:
        context = self._browser.new_context(viewport={"width": width, "height": 844}, java_script_enabled=javascript)
        self._contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.goto(path.absolute().as_uri())
        return seen

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def overflow(page: Page) -> list[str]:
    """Elements that reach beyond the window, but for those in a box that scrolls by itself."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((it) => {
             const box = it.getBoundingClientRect();
             return box.width && box.right > innerWidth + 1 && !it.closest(".scroll, nav, pre, .skip");
           }).map((it) => it.outerHTML.slice(0, 200))"""
    )


def test_report_is_shown_without_an_error_of_the_console(finished: Path, opened: Opened) -> None:
    seen = opened(finished / "report.html")
    assert seen.page.title() == seen.page.locator("h1").text_content() == "What the learning rate does"
    assert seen.page.locator("table.answer tbody tr").count() == 3
    assert seen.said == []


def test_table_sorts_by_click_and_by_keyboard(finished: Path, opened: Opened) -> None:
    page = opened(finished / "report.html").page
    runs = page.locator("table.answer tbody tr td:first-child")
    assert runs.all_text_contents() == ["0", "1", "2"]
    head = page.locator("table.answer thead th").nth(2)
    head.get_by_role("button").click()
    assert (head.get_attribute("aria-sort"), runs.all_text_contents()) == ("ascending", ["2", "1", "0"])
    head.get_by_role("button").press("Enter")
    assert (head.get_attribute("aria-sort"), runs.all_text_contents()) == ("descending", ["0", "1", "2"])


def test_plot_is_enlarged_and_closed_again(finished: Path, opened: Opened) -> None:
    page = opened(finished / "report.html").page
    page.locator("a.plot").first.click()
    assert page.locator("dialog img").is_visible()
    assert page.locator("dialog img").evaluate("it => it.naturalWidth") == 100
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


def test_diff_opens_side_by_side(finished: Path, opened: Opened) -> None:
    page = opened(finished / "report.html").page
    diff = page.locator("#run-1 details.diff")
    changed = diff.locator("tr.changed")
    assert not changed.is_visible()
    diff.locator("summary").click()
    assert changed.is_visible()
    assert changed.locator("td.code").all_text_contents() == ["LEARNING_RATE = 0.1", "LEARNING_RATE = 0.2"]
    assert changed.locator(".x").all_text_contents() == ["1", "2"]


def test_claim_shows_what_was_measured(finished: Path, opened: Opened) -> None:
    page = opened(finished / "report.html").page
    claim = page.locator(".claim.contradicted").first
    assert not claim.locator(".tip").is_visible()
    claim.focus()
    assert claim.locator(".tip").is_visible()
    tip = claim.locator(".tip").inner_text()
    assert all(word in tip for word in ("contradicted", "loss on narrow", "0.1033", "lower"))


@pytest.mark.parametrize("name", ["report.html", "index.html"])
def test_nothing_overflows_on_a_phone(name: str, finished: Path, opened: Opened) -> None:
    folder = finished if name == "report.html" else finished.parent.parent
    page = opened(folder / name, width=390).page
    page.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert overflow(page) == []


def test_nothing_overflows_on_paper(finished: Path, opened: Opened) -> None:
    page = opened(finished / "report.html", width=720).page  # A4 within its margins
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 720


def test_everything_can_be_read_without_javascript(finished: Path, opened: Opened) -> None:
    page = opened(finished / "report.html", javascript=False).page
    page.locator("#run-1 details.diff summary").click()
    assert page.locator("#run-1 tr.changed").is_visible()
    assert page.locator("img").first.evaluate("it => it.complete && it.naturalWidth > 0")


def test_index_lists_and_sorts_studies(finished: Path, tmp_path: Path, opened: Opened) -> None:
    for name in ("a_first", "b_second"):
        shutil.copytree(finished, tmp_path / "tiny" / name)
    with Journal(tmp_path / "tiny" / "b_second" / "journal.jsonl") as journal:
        journal.append(StudyEnded(False, ("plots are missing",)))
    seen = opened(write_index(tmp_path))
    states = seen.page.locator("tbody tr td:nth-child(2)")
    seen.page.get_by_role("button", name="state").click()
    assert states.all_text_contents() == ["complete", "incomplete"]
    seen.page.get_by_role("button", name="state").click()
    assert states.all_text_contents() == ["incomplete", "complete"]
    seen.page.locator("tbody a").first.click()
    assert seen.page.locator("h1").text_content() == "What the learning rate does"
    assert seen.said == []


def spoilt(event: Event) -> Event:
    """The event with hostile text wherever a model, a run, a template or a provider can put some."""
    match event:
        case StudyStarted(setup):
            idea = replace(setup.idea, title=EVIL, experiment=EVIL)
            names = {"template": EVIL, "profile": EVIL, "profile_description": EVIL, "device": EVIL, "python": EVIL}
            setup = replace(setup, idea=idea, recording="", model=EVIL, environment={EVIL: EVIL}, **names)
            return replace(event, setup=setup)
        case TurnEnded():
            return replace(event, detail=EVIL, files=(EVIL,))
        case AttemptEnded(metrics=None):
            return replace(event, feedback=EVIL)
        case AttemptEnded():
            return replace(
                event, flags=(EVIL,), metrics=event.metrics | {EVIL: {EVIL: event.metrics["narrow"]["loss"]}}
            )
        case PlotEnded():
            return replace(event, outcome="crashed", feedback=EVIL)
        case StudyEnded():
            return replace(event, remarks=(EVIL,))
    return event


def test_hostile_text_stays_text(finished: Path, tmp_path: Path, opened: Opened) -> None:
    folder = tmp_path / "tiny" / "study"
    shutil.copytree(finished, folder)
    entries = read_journal(folder / "journal.jsonl")
    (folder / "journal.jsonl").unlink()
    with Journal(folder / "journal.jsonl", create=True) as journal:
        for entry in entries:
            journal.append(spoilt(entry.event))
        journal.append(Stopped(EVIL))
    printable = "".join(letter for letter in EVIL if letter not in "\0/")
    (folder / "loss_narrow.png").rename(folder / f"{printable[:120]}.png")
    (folder / "notes.txt").write_text(f"# Title: {EVIL}\n## Run 1: {EVIL}\nThe loss of run 1 is 77 {EVIL}.\n")
    (folder / "plot.py").write_text(f"labels = {{'run_0': {EVIL!r}, 'run_1': {EVIL!r}}}\n")
    (folder / "run_2.py").write_text(f"'''{EVIL}'''\n# {EVIL}\nx = {EVIL!r}\n")
    (folder / "run_1" / "stdout.log").write_text(EVIL)
    transcript = (folder / "transcript.jsonl").read_text().replace("Plan: two rates.", "</script><img src=x>")
    (folder / "transcript.jsonl").write_text(transcript)
    report = write_report(folder)
    for page in (report, write_index(tmp_path)):
        seen = opened(page)
        seen.page.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
        for marked in seen.page.locator("a.plot, .claim").all():
            marked.hover()
        assert seen.page.evaluate("window.hit") is None
        assert seen.page.locator("script").count() == 1
        assert seen.page.locator("img:not(dialog img):not([src^='data:image/png'])").count() == 0
        assert seen.page.locator("svg, iframe, object, embed, form:not(dialog form), [onerror], [onload]").count() == 0
        assert "49" not in seen.page.locator("h1").text_content()
        assert seen.said == []
        content = page.read_text()
        assert not any(letter in content for letter in "\0\x08\x1b\x9b\u202e\u2066")
    assert "<script>window.hit = 1</script>" in opened(report).page.locator("h1").text_content()


def test_policy_forbids_network_and_foreign_script(finished: Path, opened: Opened) -> None:
    seen = opened(finished / "report.html")
    seen.page.evaluate(
        """async () => {
             const script = document.createElement("script");
             script.textContent = "window.hit = 1";
             document.body.append(script);
             const image = document.createElement("img");
             image.src = "http://127.0.0.1:9/image.png";
             document.body.append(image);
             await fetch("http://127.0.0.1:9/").catch(() => {});
             await new Promise((done) => setTimeout(done, 100));
           }"""
    )
    assert seen.page.evaluate("window.hit") is None
    assert sum("Content Security Policy" in said for said in seen.said) >= 3
