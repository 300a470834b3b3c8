"""bdh report in a browser: it renders without errors and loads nothing, every value shows where the
pointer rests and by keyboard, and never on top of a text.

Skipped (77) where there is no Chromium."""
import csv
import os
import re
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
        """The one line of values that says something."""
        shown = [text for text in page.locator(".tip").all_inner_texts() if text]
        self.assertLessEqual(len(shown), 1)
        return shown[0] if shown else None

    def panels(self, page, section):
        return page.locator(f"section:has(#{section}) g.values rect")

    def reach(self, page, panel, *keys):
        panel.focus()
        for key in keys:
            page.keyboard.press(key)
        return self.tip(page)

    def covered_texts(self, page):
        """Texts of the page that a line of values lies on."""
        return page.evaluate("""() => {
          const meets = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 &&
                                  a.top < b.bottom - 1 && b.top < a.bottom - 1;
          const seen = (element, box) => {  // of what scrolls, the part that is shown
            const around = element.closest('.picture,.tokens');
            if (!around) return box;
            const o = around.getBoundingClientRect();
            return { left: Math.max(box.left, o.left), right: Math.min(box.right, o.right),
                     top: Math.max(box.top, o.top), bottom: Math.min(box.bottom, o.bottom) };
          };
          const all = [];
          for (const tip of document.querySelectorAll('.tip')) {
            const place = tip.getBoundingClientRect();
            for (const text of document.querySelectorAll('text,[data-k],h1,h2,figcaption,td,th,a'))
              if (meets(seen(text, text.getBoundingClientRect()), place))
                all.push(text.textContent);
          }
          return all; }""")

    def events(self, *options):
        self.good("plot", "raster", self.path("run"), "-o", self.path("raster.svg"), "--force",
                  *options)
        with open(self.path("raster.csv"), newline="") as f:
            return list(csv.DictReader(f))

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
        self.assertEqual(page.locator(".picture > svg").count(), 6)
        self.assertTrue(all(page.evaluate("[...document.querySelectorAll('.picture > svg')]"
                                          ".map(s => s.getAttribute('aria-label').length > 0 && "
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
        panel = self.panels(page, "synapses").first
        box = panel.bounding_box()
        panel.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
        tips = {self.tip(page)}
        for y in range(2, int(box["height"]), 6):
            panel.hover(position={"x": box["width"] / 2, "y": y})
            tips.add(self.tip(page))
        self.assertTrue(any(re.match(r"layer \d\n3→7, position 1\d '.*': strength σ -?\d", tip)
                            for tip in tips if tip), tips)

    def test_everything_is_reached_by_keyboard(self):
        page = self.open("run", "events", "synapses:3->7,5->7")
        reached = []
        for _ in range(80):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("(e => e.dataset.k ? 'token ' + e.dataset.k : "
                                         "e.closest('g.values') ? e.closest('section')"
                                         ".getAttribute('aria-labelledby') : "
                                         "e.tagName)(document.activeElement)"))
            if reached[-1] == "SUMMARY":
                break
        self.assertEqual(reached[:9], ["A"] * 8 + ["token 0"])
        self.assertEqual(reached[9:-1], ["raster"] * 8 + ["rates"] * 4 + ["sparsity"] * 4
                         + ["synapses"] * 3 + ["degrees"] * 4)
        self.assertEqual(page.locator("g.values").count(), len(reached) - 10)
        for panel in page.locator("g.values rect").all():
            self.assertEqual(panel.get_attribute("role"), "application")
            self.assertRegex(panel.get_attribute("aria-label"), ".+: arrow keys go through")
            first = self.reach(page, panel)
            self.assertTrue(first)
            self.assertNotEqual(first, self.reach(page, panel, "ArrowRight"))
            self.assertEqual(self.covered_texts(page), [])
        page.locator('[data-k="0"]').focus()
        for key, expected in (("ArrowRight", 1), ("ArrowDown", 11), ("ArrowLeft", 10),
                              ("End", len(TEXT) + 4), ("ArrowRight", len(TEXT) + 4), ("Home", 0)):
            page.keyboard.press(key)
            self.assertIn(f"position {expected},", self.tip(page))
            self.assertEqual(self.covered_texts(page), [])
        self.assertIn("token 84 'T'", self.tip(page))
        page.keyboard.press("Escape")
        self.assertIsNone(self.tip(page))
        self.assertEqual(self.messages, [])

    def test_values_of_the_raster(self):
        """4096 neurons: cells, and of each what is in the table of bdh plot raster."""
        page = self.open("run", "events")
        self.assertEqual(self.panels(page, "raster").count(), 8)
        panel = self.panels(page, "raster").nth(1)  # Y, layer 1
        tip = self.reach(page, panel, "Home", *["ArrowRight"] * 4, *["ArrowUp"] * 3)
        found = re.fullmatch(r"Y, layer 1\nneuron (\d+) to (\d+), position 4 'e': "
                             r"active \(%\) (\S+)", tip)
        self.assertTrue(found, tip)
        first, last, share = int(found[1]), int(found[2]), float(found[3])
        rows = [r for r in self.events("--layer", 1, "--neurons", f"{first}-{last}")
                if r["variable"] == "y" and r["position"] == "4"]
        self.assertAlmostEqual(share, 100 * len(rows) / (last - first + 1), places=1)
        # End: the last token, whatever the row.
        self.assertIn(f"position {len(TEXT) + 4} ", self.reach(page, panel, "End"))

    def test_values_of_dots_are_the_events_themselves(self):
        page = self.open("run", "x:0-40", "y:0-40")
        events = {(r["variable"], r["layer"], r["position"], r["neuron"]): float(r["value"])
                  for r in self.events()}
        self.assertTrue(events)
        panel = self.panels(page, "raster").nth(0)
        for up in (0, 7, 40):
            for right in (0, 3):
                tip = self.reach(page, panel, *["ArrowDown"] * 41, "Home", *["ArrowUp"] * up,
                                 *["ArrowRight"] * right)
                found = re.fullmatch(r"X, layer 1\nneuron (\d+), position (\d+) '.': X (\S+)", tip)
                self.assertEqual((found[1], found[2]), (str(up), str(right)), tip)
                self.assertAlmostEqual(float(found[3]),
                                       events.get(("x", "1", found[2], found[1]), 0), places=3)

    def test_values_of_rates_and_sparsity(self):
        page = self.open("run", "events")
        with open(os.path.join(self.path("run"), "summary.csv"), newline="") as f:
            summary = list(csv.DictReader(f))
        panel = self.panels(page, "rates").nth(2)
        tip = self.reach(page, panel, "Home", *["ArrowRight"] * 6, "ArrowUp")
        found = re.fullmatch(r"How many are active: X\nlayer 2, position 6 ' ': "
                             r"active X \(% of neurons\) (\S+)", tip)
        self.assertTrue(found, tip)
        self.assertAlmostEqual(float(found[1]), 100 * float(summary[6]["active_x_2"]), places=3)
        panel = self.panels(page, "sparsity").nth(2)
        tip = self.reach(page, panel, "Home", "ArrowRight")
        self.assertRegex(tip, r"position 2 ' ': surprisal \S+ nats, active X \S+ %")
        self.assertIn(f"surprisal {self.surprisal(2):.4g} nats", tip)
        self.assertRegex(self.reach(page, self.panels(page, "sparsity").first, "ArrowRight"),
                         r"layer 2, active X: median of the tokens")
        self.assertRegex(self.reach(page, self.panels(page, "degrees").first),
                         r"edges that leave a neuron \d+: share of neurons with so many or more ")

    def test_a_page_of_a_model(self):
        self.good("report", self.trained, "-o", self.path("model.html"))
        page = self.browser.new_page(viewport={"width": 1000, "height": 800})
        self.addCleanup(page.close)
        messages = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(Path(self.path("model.html")).as_uri())
        self.assertEqual(messages, [])
        self.assertEqual(page.locator("main h2").all_inner_texts(),
                         ["Facts", "Weights", "Degrees", "Matrix", "Modularity",
                          "Hubs of the graph"])
        self.assertIn("4,096 nodes", page.locator("table").first.inner_text())
        for panel in page.locator("g.values rect").all():
            self.assertTrue(self.reach(page, panel))
        self.assertEqual(self.covered_texts(page), [])
        self.assertRegex(self.reach(page, self.panels(page, "matrix").first, "ArrowUp"),
                         r"postsynaptic \d+ to \d+, presynaptic \d+ to \d+: largest weight")

    def test_pictures_use_the_width_of_the_page_and_are_never_squeezed(self):
        for width in (1000, 380):
            page = self.open(f"run{width}", "events", width=width)
            for box in page.evaluate("[...document.querySelectorAll('figure svg')]"
                                     ".filter(s => s.parentElement.className === 'picture')"
                                     ".map(s => s.getBoundingClientRect().width)"):
                self.assertEqual(box, 928)

    def test_what_was_not_recorded_is_reported(self):
        page = self.open("run")
        self.assertIn("bdh run --record events", page.locator("main").inner_text())
        self.assertEqual(page.locator(".picture > svg").count(), 4)
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
