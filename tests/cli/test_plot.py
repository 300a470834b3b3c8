"""bdh plot: pictures that are sound files, in which nothing overlaps or is cut off, and whose CSV
is what the run recorded."""
import collections
import csv
import io
import json
import os
import re
import shutil
import struct
import xml.etree.ElementTree as xml

import pictures
from program import SANITIZED, SOURCE, CliTest, main

TEXT = 'He said: "a<b & c>d", \\ twice.\n'
SVG = "{http://www.w3.org/2000/svg}"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def table(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def text_boxes(page):
    """(text, left, top, right, bottom) of every text; widths are those of an average letter, not
    those of the program's own table."""
    for t in page.iter(SVG + "text"):
        x, y, size = float(t.get("x")), float(t.get("y")), float(t.get("font-size"))
        width = 0.5 * size * len(t.text)
        before = {"start": 0, "middle": width / 2, "end": width}[t.get("text-anchor")]
        if "rotate" in t.get("transform", ""):
            yield t.text, x - 0.8 * size, y + before - width, x, y + before
        else:
            yield t.text, x - before, y - 0.8 * size, x - before + width, y


class PlotTest(CliTest):
    def record(self, name, *requests, text=TEXT, model=None, options=()):
        folder = self.path(name)
        self.good("run", model or self.random, "--text", text, "-o", folder, "--quiet", *options,
                  *(argument for r in requests for argument in ("--record", r)))
        return folder

    def plot(self, kind, run, *options, name="picture"):
        """The parsed SVG, checked, and the rows of its CSV."""
        target = self.path(name + ".svg")
        self.good("plot", kind, run, "-o", target, "--force", *options)
        page = xml.fromstring(read(target))
        self.check_layout(page)
        return page, table(self.path(name + ".csv"))

    def check_layout(self, page):
        width, height = float(page.get("width")), float(page.get("height"))
        boxes = list(text_boxes(page))
        self.assertGreater(len(boxes), 2)
        for text, left, top, right, bottom in boxes:
            self.assertTrue(left >= 0 and top >= 0 and right <= width and bottom <= height,
                            (text, left, top, right, bottom, width, height))
        for k, (text, left, top, right, bottom) in enumerate(boxes):
            for other, l, t, r, b in boxes[:k]:
                self.assertFalse(left < r and l < right and top < b and t < bottom, (text, other))

    def texts(self, page):
        return [t.text for t in page.iter(SVG + "text")]

    def one_neuron(self):
        self.good("import", "--gx", self.path("gx.csv", b"source,target,weight\n0,0,0.5\n"),
                  "--layers", 1, "--vocabulary", 256, "--sensory", "random:1@1", "-o",
                  self.path("one.bdh.h5"))
        return self.path("one.bdh.h5")

    def named(self):
        names = '<b>&"x"</b>', "sun & <moon>", "plain"
        edges = "source,target,weight\n" + "".join('"%s","%s",0.5\n'
                                                   % (a.replace('"', '""'), b.replace('"', '""'))
                                                   for a in names for b in names)
        self.good("import", "--gx", self.path("gx.csv", edges.encode()), "--layers", 2,
                  "--vocabulary", 256, "-o", self.path("named.bdh.h5"))
        return self.path("named.bdh.h5")


class Plot(PlotTest):
    def test_raster_has_every_event_and_nothing_else(self):
        run = self.record("run", "events")
        page, rows = self.plot("raster", run)
        drawn = sum(path.get("d").count("h0") for path in page.iter(SVG + "path"))
        self.assertEqual(drawn, len(rows))
        self.assertGreater(len(rows), 100)
        for neuron in (0, 13, 40, 63):
            result = list(csv.DictReader(io.StringIO(self.good("inspect", run, f"neuron:{neuron}",
                                                             "--csv").stdout.decode())))
            expected = {(v, r["layer"], r["position"], float(r[v])) for r in result for v in "xy"
                        if float(r[v]) != 0}
            self.assertEqual({(r["variable"], r["layer"], r["position"], float(r["value"]))
                              for r in rows if r["neuron"] == str(neuron)}, expected)
        by_position = {int(r["position"]): r["text"] for r in rows}
        self.assertEqual(by_position[len(TEXT) - 1], "\\n")
        self.assertEqual("".join(by_position[k] for k in range(9, 20)), TEXT[9:20])

    def test_raster_of_some_neurons_and_one_layer(self):
        run = self.record("run", "events")
        everything = self.plot("raster", run)[1]
        page, rows = self.plot("raster", run, "--neurons", "3,10-20,60", "--layer", 2)
        chosen = {3, 60, *range(10, 21)}
        self.assertEqual(rows, [r for r in everything if int(r["neuron"]) in chosen
                                and r["layer"] == "2"])
        self.assertIn("Y, layer 2", self.texts(page))
        frames = self.record("frames", "x:3,10-20,60")
        self.assertEqual(self.plot("raster", frames, "--layer", 2)[1],
                         [r for r in rows if r["variable"] == "x"])

    def test_raster_of_many_neurons_and_tokens_is_binned(self):
        run = self.record("run", "events", text="abcdefgh" * 50, model=self.random)
        page, rows = self.plot("raster", run, "--layer", 1)
        self.assertEqual(len(list(page.iter(SVG + "image"))), 4)  # two panels and their colour bars
        self.assertIn("1 neuron at up to 3 recorded tokens", " ".join(self.texts(page)))
        self.assertLess(os.path.getsize(self.path("picture.svg")), 300_000)
        for neuron in (0, 33):
            result = list(csv.DictReader(io.StringIO(self.good("inspect", run, f"neuron:{neuron}",
                                                             "--csv", "--layer",
                                                             1).stdout.decode())))
            active = [float(r["x"]) != 0 for r in result]
            cells = [r for r in rows if r["variable"] == "x" and int(r["first_neuron"]) == neuron]
            self.assertEqual([int(r["first_position"]) for r in cells],
                             [0] + [int(r["last_position"]) + 1 for r in cells[:-1]])
            self.assertEqual(cells[-1]["last_position"], "399")
            self.assertLess(max(int(r["last_position"]) - int(r["first_position"]) for r in cells),
                            3)
            for c in cells:
                these = active[int(c["first_position"]):int(c["last_position"]) + 1]
                self.assertAlmostEqual(float(c["active_percent"]), 100 * sum(these) / len(these))
                self.assertEqual(float(c["largest_percent"]), 100 * max(these))

    def test_rates_are_those_of_the_events_and_of_the_summary(self):
        run = self.record("run", "events")
        events = self.plot("raster", run)[1]
        rows = self.plot("rates", run)[1]
        counts = collections.Counter((r["variable"], r["layer"], r["neuron"]) for r in events)
        for r in rows:
            if r["what"] != "neurons":
                continue
            least = float(r["x_percent_or_position"]) / 100 * len(TEXT) - 1e-6
            often = sum(1 for (v, layer, _), n in counts.items()
                        if (v.upper(), layer) == (r["variable"], r["layer"]) and n >= least)
            self.assertAlmostEqual(float(r["y_percent"]), 100 * often / 64)
        self.assertGreater(sum(r["what"] == "neurons" for r in rows), 20)
        summary = table(os.path.join(run, "summary.csv"))
        for r in rows:
            if r["what"] == "tokens":
                expected = summary[int(r["x_percent_or_position"])][
                    f"active_{r['variable'].lower()}_{r['layer']}"]
                self.assertAlmostEqual(float(r["y_percent"]), 100 * float(expected))
        self.assertEqual(sum(r["what"] == "tokens" for r in rows), 6 * len(TEXT))

    def test_rates_without_events_say_what_is_missing(self):
        page, rows = self.plot("rates", self.record("plain"))
        self.assertIn("--record events", " ".join(self.texts(page)))
        self.assertEqual({r["what"] for r in rows}, {"tokens"})

    def test_sparsity_is_the_summary_with_the_surprisal_of_the_token_itself(self):
        run = self.record("run")
        page, rows = self.plot("sparsity", run)
        summary = table(os.path.join(run, "summary.csv"))
        self.assertEqual(len(rows), len(TEXT))
        for k, r in enumerate(rows):
            self.assertEqual({c: float(r[c]) for c in r if c.startswith("active")},
                             {c: float(summary[k][c]) for c in summary[k]
                              if c.startswith("active")})
            self.assertEqual(r["surprisal_nats"], summary[k]["surprisal_nats"])
        self.assertIn("rank correlation", " ".join(self.texts(page)))

    def test_synapses_have_the_strengths_that_inspect_shows(self):
        run = self.record("run", "synapses:3->7,in:5 every 2")
        page, rows = self.plot("synapse", run, "--synapse", "3->7", "--synapse", "10->5")
        for name in ("3->7", "10->5"):
            result = list(csv.DictReader(io.StringIO(self.good("inspect", run, name,
                                                             "--csv").stdout.decode())))
            shown = {(r["position"], r["layer"]): float(r["strength"]) for r in rows
                     if r["synapse"] == name.replace("->", "→")}
            self.assertEqual(shown, {(r["position"], r["layer"]): float(r["strength"])
                                     for r in result})
        strongest = self.plot("synapse", run, "--top", 3)[1]
        names = {r["synapse"] for r in strongest}
        self.assertEqual(len(names), 3)
        most = {n: max(abs(float(r["strength"])) for r in strongest if r["synapse"] == n)
                for n in names}
        self.assertGreaterEqual(most.get("3→7", min(most.values())) + 1e-9, min(most.values()))
        titles = [t.text for t in page.iter(SVG + "title")]
        self.assertTrue(any(t.startswith("3→7 after token 0 'H', layer 2: ") for t in titles),
                        titles[:3])

    def test_texts_stand_below_an_axis_only_where_none_is_left_out(self):
        """Every third letter would be read as a word."""
        run = self.record("run", "synapses:3->7 every 3", "x:0-9 every 3", text="To be, or not to")
        texts = self.texts(self.plot("synapse", run)[0])
        self.assertTrue({"position (tokens)", "0", "2", "4"} <= set(texts), texts)
        self.assertFalse({"token", "T", "b"} & set(texts), texts)
        whole = self.record("whole", "synapses:3->7", text="To be, or not to")
        self.assertTrue({"token", "T", "b"} <= set(self.texts(self.plot("synapse", whole)[0])))

    def test_png_has_the_size_that_was_requested(self):
        run = self.record("run")
        target = self.path("picture.png")
        done = self.good("plot", "sparsity", run, "-o", target, "--width", 600, "--height", 500,
                         "--scale", 1.5)
        self.assertEqual(read(target)[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", read(target)[16:24]), (900, 750))
        self.assertEqual(done.stdout, b"")
        self.assertEqual(table(self.path("picture.csv")),
                         self.plot("sparsity", run, name="other")[1])

    def test_the_same_run_gives_the_same_bytes(self):
        run = self.record("run", "events", "synapses:in:5")
        for kind in ("raster", "rates", "sparsity", "synapse"):
            self.plot(kind, run, name="one")
            self.plot(kind, run, name="two")
            for suffix in (".svg", ".csv"):
                self.assertEqual(read(self.path("one" + suffix)), read(self.path("two" + suffix)))

    def test_nothing_is_overwritten_and_nothing_left_behind(self):
        run = self.record("run")
        target = self.path("picture.svg")
        with open(self.path("picture.csv"), "w") as f:
            f.write("mine")
        self.refused(1, "plot", "rates", run, "-o", target, says=["picture.csv", "exists"])
        self.assertFalse(os.path.exists(target))
        self.good("plot", "rates", run, "-o", target, "--force")
        before = read(target)
        self.refused(1, "plot", "sparsity", run, "-o", target, says=["picture.svg", "exists"])
        self.assertEqual(read(target), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["picture.csv", "picture.svg", "run"])

    def test_what_cannot_be_drawn_is_refused_in_one_line(self):
        run, plain = self.record("run", "events"), self.record("plain")
        for suffix in (".pdf", "", ".SVG"):
            self.refused(1, "plot", "rates", run, "-o", self.path("picture" + suffix),
                         says=["-o", "NAME.svg or NAME.png"])
        out = ("-o", self.path("picture.svg"))
        self.refused(1, "plot", "raster", plain, *out, says=["no activity was recorded",
                                                             "--record events"])
        self.refused(1, "plot", "synapse", plain, *out, says=["no synapse was recorded",
                                                              "--record 'synapses:3->7'"])
        self.refused(1, "plot", "synapse", run, *out, "--synapse", "3->99", says=["99"])
        self.refused(1, "plot", "raster", run, *out, "--layer", 4, says=["--layer", "4", "1 to 3"])
        self.refused(1, "plot", "raster", run, *out, "--neurons", "5-99",
                     says=["--neurons", "5-99", "0 to 63"])
        self.refused(1, "plot", "raster", run, *out, "--neurons", "top:5",
                     says=["--neurons", "top:5"])
        self.refused(1, "plot", "raster", self.record("some", "x:1-5"), *out, "--neurons", "9",
                     says=["neuron 9 was not recorded"])
        self.refused(1, "plot", "raster", self.random, *out, says=[self.random, "a model",
                                                                   "the folder of a run",
                                                                   "degree, weights, matrix"])
        self.refused(1, "plot", "degree", run, *out, says=[run, "the folder of a run", "a model",
                                                           "raster, rates"])
        self.refused(1, "plot", "raster", self.path("none"), *out, says=["none"])
        self.refused(1, "plot", "rates", run, *out, "--height", 130,
                     says=["picture", "px", "--height"])
        self.refused(1, "plot", "rates", run, "-o", self.path("no/folder/picture.svg"),
                     says=["no such folder"])
        self.refused(2, "plot", "pie", run, *out)
        self.refused(2, "plot", "raster", run)
        self.refused(2, "plot", "raster", run, *out, "--width", "1e9",
                     says=["--width", "200 to 8000"])
        self.refused(2, "plot", "raster", run, *out, "--layer", 0)
        self.assertFalse(os.path.exists(self.path("picture.svg"))
                         or os.path.exists(self.path("picture.csv")))

    def test_a_machine_without_fonts_says_what_to_install(self):
        run, fonts = self.record("run"), self.path("fonts.conf", b"<fontconfig></fontconfig>")
        without = dict(os.environ, FONTCONFIG_FILE=fonts)
        self.refused(1, "plot", "rates", run, "-o", self.path("picture.png"), env=without,
                     says=["no font", "fonts-dejavu-core", ".svg"])
        self.assertFalse(os.path.exists(self.path("picture.csv")))
        self.good("plot", "rates", run, "-o", self.path("picture.svg"), env=without)

    def test_names_of_strangers_stay_text(self):
        run = self.record('<script>&"\'', "synapses:all", "events", model=self.named())
        page, rows = self.plot("synapse", run, "--synapse", 'plain->sun & <moon>', "--synapse",
                               '<b>&"x"</b>->plain')
        self.assertIn("plain→sun & <moon>", self.texts(page))
        self.assertTrue(any("<script>&\"'" in t for t in self.texts(page)))
        self.assertEqual({r["synapse"] for r in rows}, {"plain→sun & <moon>", '<b>&"x"</b>→plain'})
        self.assertNotIn(b"<b>", read(self.path("picture.svg")))
        page, rows = self.plot("raster", run)
        self.assertTrue({'<b>&"x"</b>', "sun & <moon>", "plain"} <= set(self.texts(page)))
        self.assertEqual({r["name"] for r in rows}, {'<b>&"x"</b>', "sun & <moon>", "plain"})
        self.plot("raster", run, "--neurons", "plain")
        page, rows = self.plot("synapse", run)  # the strongest, by name as well
        self.assertTrue(
            all(re.fullmatch("(plain|sun & <moon>|<b>&\"x\"</b>|token:[0-9]+)→(plain|sun & "
                             "<moon>|<b>&\"x\"</b>)", r["synapse"]) for r in rows), rows[0])

    def test_layers_without_any_strength_are_left_out(self):
        graphs = [argument for name in ("gx", "gy", "gs", "sensory")
                  for argument in ("--" + name, f"{SOURCE}/examples/three-neurons/{name}.csv")]
        self.good("import", *graphs, "--layers", 2, "--vocabulary", 2, "--retention", 0.5, "-o",
                  self.path("three.bdh.h5"))
        self.good("run", self.path("three.bdh.h5"), "--tokens", "0,1,0", "--record",
                  "synapses:a->b", "-o", self.path("flat"), "--quiet")
        page, rows = self.plot("synapse", self.path("flat"))
        strengths = {layer: {float(r["strength"]) for r in rows if r["layer"] == layer}
                     for layer in "12"}
        self.assertEqual([layer for layer in "12" if strengths[layer] == {0.0}], ["1"], strengths)
        self.assertIn("All strengths are 0 in layer 1: not drawn.", self.texts(page))
        self.assertNotIn("layer 1", self.texts(page))


class Pulses(PlotTest):
    """Planted events and nothing else: each is found in the picture, however many tokens and
    neurons there are, and at any resolution."""
    SILENT = 8  # neurons at either end that are never driven

    def planted(self, neurons, tokens, pulses, options=()):
        """A run in which the neurons in the middle are active at these positions only; the last
        neuron, which the tokens drive, at all of them."""
        self.good("import", "--gx", self.path("gx.csv", b"source,target,weight\n0,1,1\n"),
                  "--sensory", self.path("s.csv", f"source,target,weight\n97,{neurons},1\n"
                                         .encode()),
                  "--neurons", neurons + 1, "--layers", 1, "-o", self.path("m.bdh.h5"), "--force")
        shutil.rmtree(self.path("run"), ignore_errors=True)
        driven = f"{self.SILENT}-{neurons - 1 - self.SILENT}"
        return self.record("run", "events", text="a" * tokens, model=self.path("m.bdh.h5"),
                           options=[*options, *(o for p in pulses for o in
                                                ("--do", f"stimulate x:{driven} 1 at {p}"))])

    def columns(self, run, neurons, scale, *options):
        """For each column of pixels of the panel of X, the share of rows with any colour."""
        for suffix in (".svg", ".png"):
            self.good("plot", "raster", run, "--neurons", f"{self.SILENT}-{neurons - 1}", "-o",
                      self.path("p" + suffix), "--scale", scale, "--force", *options)
        box = pictures.frames(pictures.page(self.path("p.svg")))[0]
        cells = pictures.inside(pictures.pixels(self.path("p.png")), box, scale)
        driven = cells[len(cells) // 4:len(cells) * 3 // 4]  # the silent ones are at the top
        return [sum(max(row[x]) - min(row[x]) > 20 for row in driven) / len(driven)
                for x in range(len(driven[0]))]

    def expect(self, columns, tokens, pulses, least=0.9):
        def around(p):  # a cell, and a pixel for its edge
            width = len(columns) / tokens
            wide = max(1.25 * len(columns) / 200, width) + 1.5
            return range(max(0, int((p + 0.5) * width - wide)),
                         min(len(columns), int((p + 0.5) * width + wide) + 1))
        for p in pulses:
            self.assertGreater(max(columns[x] for x in around(p)), least, (p, tokens))
        near = {x for p in pulses for x in around(p)}
        self.assertEqual([x for x, c in enumerate(columns) if c > 0.1 and x not in near], [])

    def test_every_pulse_of_many_tokens_is_seen_at_every_resolution(self):
        pulses = (0, 100, 150, 151, 249)
        run = self.planted(300, 250, pulses)
        for scale in (0.5, 1, 1.5, 2):
            self.expect(self.columns(run, 300, scale), 250, pulses)
        for width in (400, 1100):
            self.expect(self.columns(run, 300, 1, "--width", width), 250, pulses)

    def test_of_as_many_tokens_as_no_screen_has_pixels(self):
        pulses = (0, 1, 777, 1234, 2499)
        run = self.planted(300, 2500, pulses)
        for scale in (1, 2):
            self.expect(self.columns(run, 300, scale), 2500, pulses)
        page, rows = self.plot("raster", run)
        largest = [r for r in rows if float(r["largest_percent"]) > 90 and r["variable"] == "x"
                   and int(r["first_neuron"]) in range(50, 100)]
        self.assertEqual({p for p in pulses for r in largest
                          if int(r["first_position"]) <= p <= int(r["last_position"])},
                         set(pulses))
        # Their mean is below that, by as much as there are tokens without a pulse.
        self.assertTrue(all(float(r["active_percent"]) < 25 for r in largest), largest[:3])
        mean = self.plot("raster", run, "--join", "mean", name="mean")
        self.assertIn("these pairs that is active", " ".join(self.texts(mean[0])))
        self.assertEqual(mean[1], rows)
        self.expect(self.columns(run, 300, 1, "--join", "mean"), 2500, pulses)

    def test_a_single_neuron_at_a_single_token_is_seen(self):
        run = self.planted(300, 400, (), ("--do", "stimulate x:150 1 at 321"))
        for scale in (1, 1.5):
            for suffix in (".svg", ".png"):
                self.good("plot", "raster", run, "--neurons", "0-299", "-o",
                          self.path("p" + suffix), "--scale", scale, "--force")
            left, top, right, bottom = pictures.frames(pictures.page(self.path("p.svg")))[0]
            cells = pictures.inside(pictures.pixels(self.path("p.png")),
                                    (left + 2, top, right, bottom - 2), scale)
            found = [(x / scale / (right - left) * 400, 300 - y / scale / (bottom - top) * 300)
                     for y, row in enumerate(cells) for x, pixel in enumerate(row)
                     if max(pixel) - min(pixel) > 60]
            self.assertTrue(found)
            for position, neuron in found:
                self.assertAlmostEqual(position, 319, delta=6)
                self.assertAlmostEqual(neuron, 150, delta=6)

    def test_of_few_neurons_whose_events_are_dots(self):
        pulses = (0, 100, 150, 151, 249)
        run = self.planted(40, 250, pulses)
        self.assertEqual({r["position"] for r in self.plot("raster", run, "--neurons", "8-39")[1]},
                         {str(p) for p in pulses})
        for scale in (1, 1.5, 2):
            columns = self.columns(run, 40, scale)
            self.expect(columns, 250, pulses, least=0.15)

    def test_a_pulse_is_seen_in_the_line_of_a_long_run(self):
        run = self.planted(300, 1500, (777,))
        page, rows = self.plot("rates", run)
        largest = [float(r["y_percent"]) for r in rows if r["what"] == "largest"
                   and r["variable"] == "X" and float(r["x_percent_or_position"]) > 0]
        self.assertAlmostEqual(max(largest), 100 * 284 / 301, places=3)
        self.assertIn("from the least of them to the largest", " ".join(self.texts(page)))


class Interventions(PlotTest):
    def test_every_picture_of_a_run_shows_them(self):
        run = self.record("run", "events", "synapses:3->7", options=[
            o for text in ("lesion 5-9 from 10", "stimulate x:5 0.5 at 3 layers 2",
                           "stimulate x:5 0.5 at 7 layers 2", "freeze tokens 12-14",
                           "silence y:2")
            for o in ("--do", text)])
        names = {"lesion 5-9 from 10", "stimulate x:5 0.5 layers 2 at 3, at 7",
                 "freeze tokens 12-14", "silence y:2"}
        for kind in ("raster", "rates", "synapse"):
            page = self.plot(kind, run)[0]
            self.assertLessEqual(names, set(self.texts(page)))
            # the legend, and a line above each panel
            bands = [r for r in page.iter(SVG + "rect") if r.get("fill") == "#cc79a7"]
            self.assertGreater(len(bands), 2)
            if kind != "raster":  # all layers are in each panel of rates
                continue
            of_layer_2 = [r for r in page.iter(SVG + "rect") if r.get("fill") == "#e69f00"]
            self.assertEqual(len(of_layer_2), 1 + 2 * 2)
        page = self.plot("sparsity", run)[0]
        self.assertIn("Interventions: lesion 5-9 from 10; stimulate x:5 0.5 layers 2 at 3, at 7; "
                      "freeze tokens 12-14; silence y:2.", " ".join(self.texts(page)))
        plain = self.plot("raster", self.record("plain", "events"))[0]
        self.assertNotIn("Interventions", " ".join(self.texts(plain)))

    def test_a_band_is_where_its_tokens_are(self):
        run = self.record("run", "events", text="a" * 100,
                          options=["--do", "freeze tokens 25-49"])
        page = self.plot("rates", run)[0]
        frame = pictures.frames(page)[-1]
        across = frame[2] - frame[0]
        bands = [r for r in page.iter(SVG + "rect") if r.get("fill") == "#cc79a7"
                 and float(r.get("x")) > frame[0]]
        self.assertEqual(len(bands), 1)
        self.assertAlmostEqual(float(bands[0].get("x")), frame[0] + 0.25 * across, delta=0.1)
        self.assertAlmostEqual(float(bands[0].get("width")), 0.25 * across, delta=0.1)

    def test_more_than_have_colours_and_names_with_words_of_limits(self):
        self.good("import", "--gx", self.path("gx.csv", b'source,target,weight\nat,"from 3",1\n'),
                  "--layers", 1, "-o", self.path("m.bdh.h5"))
        actions = ['silence x:at', 'lesion "from 3"',
                   *(f"stimulate x:at {k} at {k}" for k in range(9))]
        run = self.record("run", "events", model=self.path("m.bdh.h5"), text="a" * 20,
                          options=[o for text in actions for o in ("--do", text)])
        texts = self.texts(self.plot("rates", run)[0])
        self.assertLessEqual({"silence x:at", 'lesion "from 3"', "stimulate x:at 3 at 3"},
                             set(texts))
        self.assertNotIn("stimulate x:at 4 at 4", texts)
        self.assertIn("Interventions not marked: stimulate x:at 4 at 4; stimulate x:at 5 at 5; "
                      "stimulate x:at 6 at 6; stimulate x:at 7 at 7; stimulate x:at 8 at 8.",
                      " ".join(texts))


class Names(PlotTest):
    def test_long_names_of_neurons_keep_both_of_their_ends(self):
        edges = "source,target,weight\n" + "".join(
            f"L5 pyramidal cell number {k},L5 pyramidal cell number {(k + 1) % 6},0.5\n"
            for k in range(6))
        self.good("import", "--gx", self.path("gx.csv", edges.encode()), "--layers", 1,
                  "--sensory", "random:2@1", "-o", self.path("m.bdh.h5"))
        page = self.plot("raster", self.record("run", "events", model=self.path("m.bdh.h5")))[0]
        for k in range(6):
            self.assertTrue(any(re.fullmatch(f"L5 pyr.*….* {k}", t) for t in self.texts(page)), k)
        self.assertIn("neuron", self.texts(page))


class Synapses(PlotTest):
    def test_the_largest_at_each_token(self):
        """`synapses:top:K`, which has numbers of edges: the picture has their neurons."""
        edges = {(i, (i * 7 + 3 * k) % 12): (i + k) % 5 / 4 + 0.25 for i in range(12)
                 for k in range(1, 4)}
        self.good("import", "--gx", self.path("gx.csv", (
            "source,target,weight\n" + "".join(f"n{i},n{j},{w}\n" for (i, j), w in edges.items()))
            .encode()), "--sensory", "random:4@1", "--layers", 2, "-o", self.path("m.bdh.h5"))
        run = self.record("run", "synapses:top:5", model=self.path("m.bdh.h5"))
        whole = self.record("whole", "synapses:all", model=self.path("m.bdh.h5"))
        page, rows = self.plot("synapse", run)
        self.assertIn("the 5 largest were recorded", " ".join(self.texts(page)))
        all_of_them = collections.defaultdict(dict)
        for name in sorted({r["synapse"] for r in rows}):
            result = csv.DictReader(io.StringIO(self.good(
                "inspect", whole, name.replace("→", "->"), "--csv").stdout.decode()))
            for r in result:
                all_of_them[name][r["position"], r["layer"]] = float(r["strength"])
        known = [r for r in rows if r["strength"]]
        self.assertGreater(len(known), 20)
        for r in known:
            self.assertEqual(float(r["strength"]),
                             all_of_them[r["synapse"]][r["position"], r["layer"]])
        # A layer in which a synapse is never among the largest, or only where all are 0, is no
        # panel of a line at 0.
        strengths = collections.defaultdict(lambda: {"1": set(), "2": set()})
        for r in self.plot("synapse", run, "--top", 24)[1]:
            strengths[r["synapse"]][r["layer"]].add(r["strength"])
        one, nowhere = next((name, layer) for name, of in sorted(strengths.items()) for layer in of
                            if of[layer] <= {"", "0"} and not of["21"[int(layer) - 1]] <= {"", "0"})
        self.assertIn("", strengths[one][nowhere])
        texts = self.texts(self.plot("synapse", run, "--synapse", one.replace("→", "->"))[0])
        self.assertIn(f"In layer {nowhere} other synapses are the largest: not drawn; --layer "
                      "chooses one.", texts)
        self.assertIn(f"layer {3 - int(nowhere)}", texts)
        self.assertNotIn(f"layer {nowhere}", texts)
        # The six with the largest strength at any token.
        table = self.good("inspect", whole, "--json").stdout
        self.assertTrue(table)
        self.assertEqual(len({r["synapse"] for r in rows}), 6)
        shutil.move(self.path("m.bdh.h5"), self.path("elsewhere.bdh.h5"))
        self.refused(1, "plot", "synapse", run, "-o", self.path("other.svg"),
                     says=["largest synapses", "the model", "is not there"])


class Sizes(PlotTest):
    def every_kind(self, run, *options):
        for kind in ("raster", "rates", "sparsity", "synapse"):
            self.plot(kind, run, *options)

    def test_one_neuron_and_one_token(self):
        self.every_kind(self.record("one", "events", "synapses:all", text="a",
                                    model=self.one_neuron()))
        self.every_kind(self.record("two", "events", "synapses:all", text="ab",
                                    model=self.path("one.bdh.h5")))
        self.every_kind(self.record("token", "events", "synapses:3->7", text="a"))

    def test_no_token_at_all(self):
        plain, run = self.record("plain"), self.record("run", "events")
        for folder in (plain, run):
            for name in ("tokens.csv", "summary.csv"):
                header = read(os.path.join(folder, name)).split(b"\n")[0]
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(header + b"\n")
        # A complete run must have all its tokens.
        self.refused(1, "plot", "rates", plain, "-o", self.path("cut.svg"),
                     says=["tokens.csv", "0 tokens", "complete run"])
        for folder in (plain, run):
            description = json.loads(read(os.path.join(folder, "run.json")))
            description["tokens"] = 0
            with open(os.path.join(folder, "run.json"), "w") as f:
                json.dump(description, f)
        for kind in ("rates", "sparsity"):
            page = self.plot(kind, plain)[0]
            self.assertIn("no data", self.texts(page))
        self.refused(1, "plot", "raster", run, "-o", self.path("other.svg"),
                     says=["events", "positions"])

    def test_what_strangers_wrote_into_a_run(self):
        run = self.record("run", "events")
        summary = os.path.join(run, "summary.csv")
        lines = read(summary).decode().split("\n")
        for k, value in enumerate(("nan", "inf", "-1", "1e308", "7", "-nan", "1e-320"), 3):
            fields = lines[k].split(",")
            fields[2:9] = [value] * 7
            lines[k] = ",".join(fields[:-2] + [value, fields[-1]])
        with open(summary, "w") as f:
            f.write("\n".join(lines))
        for kind in ("rates", "sparsity"):
            self.plot(kind, run)
        self.good("report", run, "-o", self.path("report.html"))
        with open(os.path.join(run, "run.json")) as f:
            result = json.load(f)
        result["model"]["neurons"], result["options"] = 4294967295, "none"
        with open(os.path.join(run, "run.json"), "w") as f:
            json.dump(result, f)
        self.refused(1, "plot", "raster", run, "-o", self.path("other.svg"),
                     says=["4294967295 neurons"])
        self.good("report", run, "-o", self.path("report.html"), "--force")

    def test_without_losses(self):
        run = self.record("run", "events", "synapses:all", model=self.named())
        self.every_kind(run)
        self.assertIn("No surprisals", " ".join(self.texts(self.plot("sparsity", run)[0])))

    def test_tokens_from_a_few_to_many(self):
        for tokens in (2, 7, 30, 90) if SANITIZED else (2, 5, 11, 23, 40, 60, 90, 700):
            run = self.record(f"run{tokens}", "events", "synapses:3->7", text=(TEXT * 30)[:tokens])
            self.every_kind(run)
            self.assertLess(os.path.getsize(self.path("picture.svg")), 500_000)

    def test_small_and_large_pictures(self):
        run = self.record("run", "events", "synapses:in:5")
        for width, height in ((360, 900), (2000, 700), (720, 2000)):
            self.every_kind(run, "--width", width, "--height", height)


class Report(PlotTest):
    def report(self, run, *options):
        self.good("report", run, "-o", self.path("report.html"), "--force", *options)
        return read(self.path("report.html")).decode()

    def test_it_is_one_file_with_everything_that_was_recorded(self):
        run = self.record("run", "events", "synapses:3->7")
        html = self.report(run)
        self.assertEqual(html.count("<span data-k="), len(TEXT))
        self.assertEqual(html.count("<figure>") + html.count("<figure data-rove>"), 6)
        self.assertEqual(set(re.findall(r"https?://[^\"' )]*", html)),
                         {"http://www.w3.org/2000/svg"})
        self.assertIn("a</span>", html)
        data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))
        summary = table(os.path.join(run, "summary.csv"))
        self.assertEqual(data["tokens"], list(TEXT.encode()))
        self.assertIsNone(data["surprisal"][0])
        for k in range(1, len(TEXT)):
            self.assertAlmostEqual(data["surprisal"][k], float(summary[k]["surprisal_nats"]),
                                   places=4)
            self.assertAlmostEqual(data["y"][k][2], float(summary[k]["active_y_3"]), places=4)
        self.assertEqual(html, self.report(run))

    def test_degrees_need_the_model(self):
        model = self.path("moved.bdh.h5")
        with open(model, "wb") as f:
            f.write(read(self.random))
        run = self.record("run", model=model)
        self.assertIn("of moved.bdh.h5", self.report(run))
        os.remove(model)
        html = self.report(run)
        self.assertEqual(html.count("Degrees in"), 0)
        self.assertIn("moved.bdh.h5 is not there", html)

    def test_texts_and_names_of_strangers_stay_text(self):
        evil = "</script><script>alert(1)</script><!--"
        html = self.report(self.record(evil.replace("/", "_"), "synapses:all", text=evil,
                                       model=self.named()))
        self.assertEqual((html.count("<script"), html.count("</script"), html.count("<!--")),
                         (2, 2, 0))
        html = self.report(self.record("controls", text="a\x1b[31m\x01\u202eb"))
        self.assertFalse(set(html) & set("\x1b\x01\u202e"))

    def test_what_was_not_recorded_and_what_is_too_long_is_reported(self):
        html = self.report(self.record("plain"), "--limit", 5)
        self.assertIn("bdh run --record events", html)
        self.assertIn(f"The first 5 of {len(TEXT)} tokens", html)
        self.assertEqual(html.count("<span data-k="), 5)
        self.assertIn("No surprisals", self.report(self.record("lossless", model=self.named())))
        self.assertEqual(self.report(self.record("one", "events", "synapses:3->7",
                                                 text="a")).count("<span data-k="), 1)

    def test_wrong_arguments(self):
        run = self.record("run")
        self.refused(1, "report", run, "-o", self.path("report.pdf"), says=["-o", "NAME.html"])
        self.refused(1, "report", self.path("none"), "-o", self.path("report.html"), says=["none"])
        self.refused(2, "report", run)
        self.refused(2, "report", run, "-o", self.path("report.html"), "--limit", 0)
        self.good("report", run, "-o", self.path("report.html"))
        self.refused(1, "report", run, "-o", self.path("report.html"), says=["exists", "--force"])


if __name__ == "__main__":
    main()
