"""What a newcomer types wrong, and disks that fill: which word, when it is refused, with which exit
code, and what is left."""
import json
import os
import resource
import signal
import subprocess

from program import PATIENCE, PROGRAM, TRAINED, CliTest, bdh, main

TEXT = "To be, or not to be. " * 40


class Words(CliTest):
    def test_a_wrong_word_is_named_with_those_that_are_known(self):
        for words, says in ((("nonsense",), ("bdh: 'nonsense', expected import, new,",
                                             "see 'bdh --help'")),
                            (("runn", "model"), ("bdh: 'runn', expected import,",
                                                 "did you mean run?")),
                            (("run", "m", "--retentoin", "1"), ("--retentoin",
                                                                "did you mean --retention?")),
                            (("run", "m", "--temp=1"), ("did you mean --temperature?",)),
                            (("--json",), ("bdh: '--json', expected import,",)),
                            (("plot", "nonsense", "run"),
                             ("bdh plot: 'nonsense', expected raster, rates,", "graph",
                              "see 'bdh plot --help'")), (("plot", "-o", "x.svg", "raster"),
                                                          ("bdh plot: '-o', expected raster,",)),
                            (("plot",), ("bdh plot: nothing more, expected raster,",)),
                            (("plot", "raster"), ("bdh plot raster: RUN is required",
                                                  "see 'bdh plot raster --help'")),
                            (("new", "nonsense", "-o", "x"),
                             ("bdh new: ", "nonsense", "erdos-renyi", "blocks")),
                            (("new", "small-wrld", "-o", "x"),
                             ("bdh new: FAMILY: 'small-wrld', expected erdos-renyi, small-world, "
                              "scale-free, blocks, ring, complete, degrees, distance, populations; "
                              "did you mean small-world? see 'bdh new --help'",)),
                            (("reorder", "m", "-o", "x", "--by", "comunity"),
                             ("bdh reorder: --by: 'comunity', expected rcm, degree, community, "
                              "none; did you mean community? see 'bdh reorder --help'",)),
                            (("run", "m", "--device", "metal"),
                             ("bdh run: --device: 'metal', expected cpu, cuda; see",)),
                            (("nonsense", "--help"), ("'nonsense', expected",)),
                            (("help", "nonsense"), ("'nonsense', expected",)),
                            (("plot", "nonsense", "--help"), ("'nonsense', expected raster",)),
                            (("info", "a", "b"), ("bdh info: ", "b;")),
                            (("plot", "non\nsense"), ("'non sense', expected raster",))):
            with self.subTest(words):
                self.refused(2, *words, says=says)

    def test_help_is_for_every_word_of_the_way(self):
        self.assertEqual(self.good("help", "plot", "raster").stdout,
                         self.good("plot", "raster", "--help").stdout)
        self.assertIn(b"raster", self.good("plot", "--help").stdout)


    def test_bins_that_a_text_cannot_fill_are_reported(self):
        for option, result in (("--bins", "4 instead, one for each token with a surprisal"),
                             ("--bands", "16 instead, one for each frequency")):
            done = self.good("activity", self.random, "--text", "hello", option, 500)
            self.assertOneLine(done.stderr, option + " 500: " + result)
            self.assertEqual(self.good("activity", self.random, "--text", "hello", option,
                                       3).stderr, b"")
        # ten are the default
        self.assertEqual(self.good("activity", self.random, "--text", "hello").stderr, b"")


class Order(CliTest):
    def test_a_result_that_exists_is_refused_before_any_work(self):
        """The model does not exist either: a message about it would show that work has begun."""
        there = self.path("there.bdh.h5", b"kept")
        for suffix in (".svg", ".csv", ".nodes.csv", ".graphml", ".html", ".nwb", ".json"):
            self.path("there" + suffix, b"kept")
        folder = self.path("folder")
        os.mkdir(folder)
        self.path("folder/file", b"kept")
        nothing, run = self.path("nothing.bdh.h5"), self.path("run")
        self.good("run", self.random, "--text", "abc", "-o", run, "--quiet")
        # a run that cannot be read
        os.rename(os.path.join(run, "tokens.csv"), self.path("tokens.csv"))
        for arguments, place in ((("slice", nothing, "--neurons", "0-3", "-o", there), there),
                                 (("merge", nothing, nothing, "-o", there), there),
                                 (("reorder", nothing, "-o", there), there),
                                 (("import", nothing, "-o", there), there),
                                 (("import", nothing, "--circuit", "direct", "-o", there), there),
                                 (("new", "ring", "--neurons", "100", "--degree", "4", "-o", there),
                                  there), (("export", nothing, "-o", self.path("there.graphml")),
                                           "there.graphml"),
                                 (("export", nothing, "-o", self.path("there.csv")), "there.csv"),
                                 (("export", run, "-o", self.path("there.nwb")), "there.nwb"),
                                 (("plot", "raster", run, "-o", self.path("there.svg")), "there."),
                                 (("report", run, "-o", self.path("there.html")), "there.html"),
                                 (("activity", nothing, "--text", "a", "-o",
                                   self.path("there.csv")), "there.csv")):
            with self.subTest(arguments):
                self.refused(1, *arguments, says=(place, "exists", "--force"))
        for arguments in (("export", nothing, "--format", "sonata", "-o", folder),
                          ("run", nothing, "--text", "a", "-o", folder),
                          ("repair", run, "-o", folder)):
            with self.subTest(arguments):
                self.refused(1, *arguments, says=(folder, "not an empty folder"))
        self.refused(1, "repair", os.path.join(run, "x_1.h5"), "-o", there, says=(there, "exists"))
        with open(there, "rb") as f:
            self.assertEqual(f.read(), b"kept")

    def test_of_several_interventions_the_impossible_one_is_named(self):
        for text, reason in (("lesion 3 layers 2", "all layers"),
                             ("lesion gy:3->4", "explicit edges"),
                             ("inhibition 0.5", "explicit edges")):
            with self.subTest(text):
                self.refused(1, "run", self.random, "--text", "ab", "--do", "freeze", "--do", text,
                             says=(f"--do '{text}'", reason))


class Limits(CliTest):
    def failing(self, *arguments, limit):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True,
                              timeout=PATIENCE, preexec_fn=limited)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertNotIn(b".tmp", done.stderr)
        self.assertNotIn(b"disk full", done.stderr)  # it is not
        return done

    def test_names_of_temporary_files_are_never_reported(self):
        for arguments, name in ((("import", f"{TRAINED}/model.safetensors"), "x.bdh.h5"),
                                (("slice", self.trained, "--heads", "0-2"), "x.bdh.h5"),
                                (("export", self.random), "x.graphml"),
                                (("export", self.random), "x.npz"),
                                (("export", self.random), "x.csv"),
                                (("export", self.random, "--format", "sonata"), "x")):
            with self.subTest(arguments):
                done = self.failing(*arguments, "-o", self.path(name), limit=1000)
                self.assertOneLine(done.stderr, self.path(name), "File too large")
                self.assertEqual(os.listdir(self.folder), [])

    def test_a_run_that_cannot_begin_leaves_an_empty_folder(self):
        for limit in (0, 60, 200, 2000):
            run = self.path(f"run{limit}")
            self.failing("run", self.random, "--text", "abc", "-o", run, "--record", "events",
                         "--quiet", limit=limit)
            self.assertEqual(os.listdir(run), [])
            self.good("run", self.random, "--text", "abc", "-o", run, "--quiet")

    def test_a_run_that_fails_says_so_at_whatever_write(self):
        """The descriptions of runs are below the limits; their other files are not."""
        for limit in (8000, 16000, 40000):
            for record in ((), ("--record", "events"), ("--record", "logits", "--record",
                                                        "x:all every 7")):
                run = self.path("run-" + str(len(os.listdir(self.folder))))
                self.failing("run", self.random, "--text", TEXT, "-o", run, *record, "--quiet",
                             "--force", limit=limit)
                if not os.listdir(run):
                    continue  # it could not begin
                result = self.json("info", run)
                self.assertEqual(result["status"], "failed")
                self.assertLessEqual(result["recorded_tokens"], result["tokens"])
                self.assertEqual(self.json("inspect", run)["status"], "failed")
                again = run + "-again"
                self.good("repair", run, "-o", again)
                self.assertEqual(self.json("inspect", again)["status"], "failed")

    def test_streams_that_fail_for_the_disk_end_with_its_exit_code(self):
        batch = self.path("batch", (TEXT + "\nshort\n").encode())
        runs = self.path("runs")
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (16000, 16000))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        done = subprocess.run([PROGRAM, "run", self.random, "--batch", batch, "-o", runs,
                               "--quiet"], capture_output=True, timeout=PATIENCE,
                              preexec_fn=limited)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual([self.json("info", os.path.join(runs, f"stream-000{k}"))["status"]
                          for k in (0, 1)], ["failed", "complete"])


class Ended(CliTest):
    def test_a_run_that_was_killed_is_interrupted_and_one_that_goes_on_is_not(self):
        run = self.path("run")
        process = self.start("run", self.random, "-", "-o", run, "--quiet", stdin=subprocess.PIPE)
        process.stdin.write(b"abc")
        process.stdin.flush()
        self.wait_for(lambda: os.path.exists(os.path.join(run, "run.json")), process)
        for command in ("info", "inspect"):
            self.assertEqual(self.json(command, run)["status"], "running")
        process.kill()
        process.communicate()
        with open(os.path.join(run, "run.json")) as f:
            self.assertEqual(json.load(f)["status"], "running")  # it could not be changed any more
        for command in ("info", "inspect"):
            self.assertEqual(self.json(command, run)["status"], "interrupted")
        self.good("repair", run, "-o", self.path("again"))
        with open(self.path("again/run.json")) as f:
            self.assertEqual(json.load(f)["status"], "interrupted")

    def test_a_full_disk_is_reported_by_the_run_or_by_later_commands(self):
        disk = self.path("disk")
        os.mkdir(disk)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none",
                                                disk], capture_output=True).returncode != 0:
            self.skipTest("may not mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        for k, record in enumerate(((), ("--record", "events"))):
            run = os.path.join(disk, f"run{k}")
            done = bdh("run", self.random, "--text", TEXT, "-o", run, *record, "--quiet", "--force")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertOneLine(done.stderr, run, "is the disk full?")
            self.assertNotIn(b".tmp", done.stderr)
            if os.listdir(run):
                self.assertIn(self.json("info", run)["status"], ("failed", "interrupted"))
                subprocess.run(["rm", "-r", run], check=True)


if __name__ == "__main__":
    main()
