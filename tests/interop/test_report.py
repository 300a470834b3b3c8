"""bdh report in a browser: it renders without errors and loads nothing, values show where the
pointer rests, all of it by keyboard too.

Skipped (77) where there is no Chromium."""
import csv
import os
import shutil
import sys
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
if CHROMIUM is None:
    print("skipped: no chromium")
    sys.exit(77)

from playwright.sync_api import sync_playwright  # noqa: E402

from program import CliTest, main  # noqa: E402

TEXT = "To be, or not to be: <b>that</b>"


class Report(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM,
                                                     args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def open(self, name="run", *records, text=TEXT, width=1000):
        """The page of a new run; the browser's complaints are in self.messages, its requests
        in self.requests."""
        folder, target = self.path(name), self.path("report.html")
        self.good("run", self.trained, "--text", text, "--generate", 5, "-o", folder, "--quiet",
                  *(a for r in records for a in ("--record", r)))
        self.good("report", folder, "-o", target, "--force")
        page = self.browser.new_page(viewport={"width": width, "height": 800})
        self.addCleanup(page.close)
        self.messages, self.requests = [], []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", lambda dialog: (self.messages.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(Path(target).as_uri())
        return page

    def tip(self, page):
        return page.locator("#tip").inner_text() if page.locator("#tip").is_visible() else None

    def surprisal(self, position):
        with open(os.path.join(self.path("run"), "summary.csv"), newline="") as f:
            return float(list(csv.DictReader(f))[position]["surprisal_nats"])

    def test_it_renders_without_complaints_and_loads_nothing(self):
        page = self.open("run", "events", "synapses:3->7,in:5")
        self.assertEqual(self.messages, [])
        self.assertEqual([url for url in self.requests if not url.startswith("data:")], [page.url])
        self.assertEqual(page.locator("main h2").all_inner_texts(),
                         ["Text and surprisal", "Active neurons", "Activity", "Sparsity",
                          "Synapses", "Degrees", "Provenance"])
        self.assertEqual(page.locator("h1").all_inner_texts(), ["Run run"])
        self.assertEqual(page.locator("figure > svg").count(), 6)
        self.assertTrue(all(page.evaluate("[...document.querySelectorAll('figure > svg')].map(s => "
                                          "s.getAttribute('aria-label').length > 0 && "
                                          "s.getBoundingClientRect().height > 200)")))
        self.assertEqual(page.locator(".tokens").inner_text()[:len(TEXT)], TEXT)
        self.assertEqual(page.locator(".tokens .generated").count(), 5)

    def test_values_show_where_the_pointer_rests(self):
        page = self.open("run", "synapses:3->7")
        self.assertIsNone(self.tip(page))
        page.locator('[data-k="4"]').hover()
        tip = self.tip(page)
        self.assertIn("position 4, token 101", tip)
        self.assertIn(f"surprisal {self.surprisal(4):.3f} nats", tip)
        page.locator('[data-k="0"]').hover()
        self.assertIn("surprisal not known", self.tip(page))
        page.locator("h1").hover()
        self.assertIsNone(self.tip(page))
        page.locator("figure[data-rove] circle[data-tip]").nth(3).hover()
        self.assertRegex(self.tip(page), r"^3→7 after token \d+ '.*', layer \d: ")

    def test_everything_is_reached_by_keyboard(self):
        page = self.open("run", "events", "synapses:3->7,5->7")
        reached = []
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("(e => e.dataset.k ? 'token ' + e.dataset.k : "
                                         "e.closest('svg') ? 'value' : "
                                         "e.tagName)(document.activeElement)"))
            if reached[-1] == "SUMMARY":
                break
        self.assertEqual(reached, ["A"] * 8 + ["token 0", "value", "SUMMARY"])
        page.locator('[data-k="0"]').focus()
        for key, expected in (("ArrowRight", 1), ("ArrowDown", 11), ("ArrowLeft", 10),
                              ("End", len(TEXT) + 4), ("ArrowRight", len(TEXT) + 4), ("Home", 0)):
            page.keyboard.press(key)
            self.assertIn(f"position {expected},", self.tip(page))
        page.keyboard.press("Escape")
        self.assertIsNone(self.tip(page))
        page.keyboard.press("Tab")
        first = self.tip(page)
        self.assertIn("→7 after token 0", first)
        page.keyboard.press("ArrowRight")
        self.assertIn("→7 after token 1", self.tip(page))
        self.assertEqual(self.messages, [])

    def test_what_was_not_recorded_is_reported(self):
        page = self.open("run")
        self.assertIn("bdh run --record events", page.locator("main").inner_text())
        self.assertEqual(page.locator("figure > svg").count(), 4)
        self.assertEqual(self.messages, [])

    def test_strangers_cannot_write_the_page(self):
        evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
        page = self.open(evil.replace("/", "_"), "synapses:3->7", text=evil)
        self.assertEqual(self.messages, [])
        self.assertEqual(page.locator("h1").inner_text(), "Run " + evil.replace("/", "_"))
        self.assertEqual(page.locator(".tokens").inner_text()[:len(evil)], evil)
        self.assertEqual(page.locator("img").count(), 0)
        self.assertEqual(page.locator("script").count(), 2)

    def test_a_narrow_window_needs_no_scrolling_sideways(self):
        page = self.open("run", "events", "synapses:3->7", width=380)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 380)


if __name__ == "__main__":
    main()
