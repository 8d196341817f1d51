"""The pages in a real browser: nothing sticks out or is covered, nothing is fetched, every key reaches everything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import page_kit
import pytest
from browser_kit import Browser, Page, browsing

from pipeline.report.page import environment
from pipeline.report.page.frame import POLICY
from pipeline.report.page.release import markup
from pipeline.serving import Answer, serving

WIDTHS = (360, 820, 1440)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every kind of page, by its name."""
    folder, pages = tmp_path_factory.mktemp("pages"), {}
    gone = "CloudWatch has deleted this walk's minutes"
    for name, text in {
        "dashboard": environment.markup(page_kit.overview(), "1.2.3", refresh_s=None),
        "release": markup(page_kit.account(), page_kit.PACKAGE, "1.2.3"),
        "bare": markup(
            page_kit.account(curves=(), latency=(), weights=(), missing=(gone,)), page_kit.Package({}, {}), "1"
        ),
    }.items():
        path = folder / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        pages[name] = path.as_uri()
    return pages


@pytest.fixture(params=["release", "bare", "dashboard"])
def opened(request: pytest.FixtureRequest, browser: Browser, addresses: dict[str, str]) -> Iterator[Page]:
    page = browser.page()
    page.look(1280)
    page.open(addresses[request.param])
    yield page
    page.close()


def test_nothing_is_fetched_run_or_complained_of(opened: Page) -> None:
    address = str(opened.run("location.href"))
    assert opened.requests() == [address]
    assert opened.complaints() == []
    assert opened.run("document.scripts.length") == 0
    assert opened.run("document.querySelectorAll('img, iframe, object, [onerror], [style]').length") == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_and_nothing_is_covered(opened: Page, width: int) -> None:
    opened.look(width)
    assert opened.run(page_kit.OVERFLOW) == []
    assert opened.run(page_kit.OVERLAPS) == []


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_read_it(opened: Page, *, dark: bool) -> None:
    opened.look(1280, dark=dark)
    opened.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = opened.run(page_kit.CONTRAST)
    assert found["seen"] > 20
    assert found["found"] == []
    luminous = opened.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert luminous is not dark


def test_the_keyboard_reaches_everything_in_the_order_of_reading(opened: Page) -> None:
    reached = []
    for _ in range(200):
        opened.tab()
        found = opened.run(page_kit.FOCUSED)
        if found is None or (reached and found["at"] == 0):
            break
        reached.append(found)
    assert [one["at"] for one in reached] == list(range(reached[0]["of"]))
    assert reached[0]["name"] == "Skip to the content"
    assert all(one["outline"] and one["seen"] and one["name"] for one in reached)


def test_a_key_opens_the_numbers_and_the_skip_link_skips(opened: Page) -> None:
    opened.tab()
    opened.press("Enter", code=13, text="\r")
    assert opened.run("document.activeElement.id") == "content"
    if opened.run("document.querySelectorAll('summary').length"):
        opened.run("document.querySelector('summary').focus()")
        opened.press("Enter", code=13, text="\r")
        assert opened.run("document.querySelector('details').open") is True


def test_it_prints(opened: Page) -> None:
    paper = opened.pdf()
    assert paper.startswith(b"%PDF-")
    assert paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") >= 1
    opened.look(720, dark=True, paper=True)
    assert opened.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.run(page_kit.OVERFLOW) == []
    assert opened.run(page_kit.CONTRAST)["found"] == []


def test_pictures_have_names_and_numbers(browser: Browser, addresses: dict[str, str]) -> None:
    page = browser.page()
    page.open(addresses["release"])
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    pictures = [one for one in tree if one["role"]["value"] in {"image", "img"}]
    assert [one["name"]["value"] for one in pictures][:2] == ["Share of the traffic", "Requests a second"]
    assert all(one["name"]["value"] for one in pictures)
    assert page.run("document.querySelectorAll('figure').length") == len(pictures) == 7
    assert page.run(
        "[...document.querySelectorAll('figure')].every(one => one.querySelectorAll('tbody tr').length > 2)"
    )
    assert "<img src=x onerror=alert(1)>" in str(page.run("document.body.innerText"))
    page.close()


def test_a_served_page_is_reached_by_the_browser_and_its_links(browser: Browser) -> None:
    def answer(path: str) -> Answer:
        told = path.startswith("/release/")
        text = markup(page_kit.account(), page_kit.PACKAGE, "1") if told else environment.markup(
            page_kit.overview(), "1", refresh_s=None
        )  # fmt: skip
        return Answer(HTTPStatus.OK, text)

    with serving(0, answer, POLICY) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        page = browser.page()
        page.open(f"http://127.0.0.1:{server.server_port}/")
        assert page.complaints() == []
        page.run("document.querySelector('a[href^=\"/release/\"]').focus()")
        page.browser.events.clear()
        page.press("Enter", code=13, text="\r")
        page.browser.until("Page.loadEventFired", page.session)
        assert "/release/" in str(page.run("location.pathname"))
        assert page.run("document.querySelectorAll('figure').length") == 7
        assert page.complaints() == []
        page.close()
        server.shutdown()


def test_a_screenshot_is_a_picture(opened: Page, tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(opened.screenshot())
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
