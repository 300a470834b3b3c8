"""Runs on several ranks over MPI: the files of one process, stops, faults, several hosts. Ranks
share the processors of this machine, and no test depends on how long they take."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from program import PATIENCE, PROGRAM, SANITIZED, SOURCE, CliTest, bdh, contents, main, table

try:
    import content
except ImportError:
    content = None  # then files are compared by bdh diff alone

TEXT = "To be, or not to be, that is the question"
HOSTS = os.path.join(SOURCE, "tests/ranks/hosts.sh")
os.environ["OMPI_ALLOW_RUN_AS_ROOT"] = os.environ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"


def why_not():
    if "\nMPI           no\n" in bdh("--version").stdout.decode() + "\n":
        return "a build without MPI"
    if shutil.which("mpirun") is None:
        return "no mpirun"
    return None


def ranks_in(folder):
    """The processes that have a folder in their command line, but for those that start others."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            with open(f"/proc/{name}/environ", "rb") as f:
                rank = [e for e in f.read().split(b"\0") if e.startswith(b"OMPI_COMM_WORLD_RANK=")]
        except OSError:
            continue
        if rank and any(folder.encode() in word for word in words):
            found.append((int(rank[0].partition(b"=")[2]), int(name)))
    return sorted(found)


class RanksTest(CliTest):
    options = ()  # of every run on ranks

    @classmethod
    def setUpClass(cls):
        if reason := why_not():
            raise unittest.SkipTest(reason)
        super().setUpClass()

    def tearDown(self):
        last = time.monotonic() + PATIENCE
        while ranks_in(self.folder):
            self.assertLess(time.monotonic(), last, "processes are left behind")
            time.sleep(0.05)

    def run_model(self, ranks, model, folder, *options, **more):
        on = ("--ranks", ranks, *self.options) if ranks != 1 else ()
        threads = () if "--threads" in options else ("--threads", 1)
        return self.good("run", model, *on, *threads, *options, "-o", folder, "--quiet",
                         cwd=self.folder, **more)

    def same_runs(self, a, b):
        self.good("diff", self.path(a), self.path(b))
        self.assertEqual(contents(self.path(a + "/tokens.csv")),
                         contents(self.path(b + "/tokens.csv")))
        changing = {"seconds", "bytes_exchanged"}
        for one, other in zip(table(self.path(a + "/summary.csv")),
                              table(self.path(b + "/summary.csv")), strict=True):
            self.assertEqual({k: v for k, v in one.items() if k not in changing},
                             {k: v for k, v in other.items() if k not in changing})
        if content:
            self.assertEqual(content.differing(content.run_content(self.path(a)),
                                               content.run_content(self.path(b))), [])


class Bits(RanksTest):
    def compare(self, model, *options, ranks=(2, 3)):
        for r in (1, *ranks):
            self.run_model(r, model, f"run-{r}", *options, "--save-state", f"{r}.h5")
        for r in ranks:
            self.same_runs("run-1", f"run-{r}")
            self.assertEqual(contents(self.path("1.h5")), contents(self.path(f"{r}.h5")))

    def test_through_hubs_with_every_recording(self):
        self.compare(self.trained, "--text", TEXT[:12], "--generate", 4, "--temperature", 1,
                     "--seed", 3, "--record", "logits", "--record", "events", "--record",
                     "synapses:17->23", "--record", "pairs:top:10", "--record", "x:5,9", "--do",
                     "stimulate x:5 0.5 tokens 3-9", "--retention", 0.99)

    def test_stored_as_bfloat16_on_two_threads_each(self):
        self.compare(self.trained, "--text", TEXT[:8], "--weights", "bf16", "--synapses", "bf16",
                     "--threads", 2, ranks=(2,))

    def test_explicit_edges(self):
        graph = self.path("graph.bdh.h5")
        self.good("new", "small-world", "--neurons", 400, "--degree", 8, "--seed", 2, "-o", graph)
        self.compare(graph, "--text", TEXT[:8], "--record", "events", "--record",
                     "synapses:top:5", ranks=(2,))

    def test_spikes(self):
        graph = self.path("graph.bdh.h5")
        self.good("new", "small-world", "--neurons", 400, "--degree", 8, "--seed", 2, "-o", graph)
        for model, more in ((self.random, ("--spike-hubs",)), (graph, ())):
            scales = self.path(os.path.basename(model) + ".json")
            self.good("spike-scales", model, "--text", TEXT, "-o", scales)
            options = ("--spikes", 16, "--spike-scales", scales, *more)
            self.compare(model, "--text", TEXT[:8], "--record", "events", "--record",
                         "spikes:0-9", "--seed", 3, *options, ranks=(2,))
            for run in ("run-1", "run-2"):
                shutil.rmtree(self.path(run))
                os.remove(self.path(run[-1] + ".h5"))
            script = b"token 65\ntoken 66\nshow spikes\nshow spikes x layer 2 top 3\n"
            outputs = [bdh("step", model, *options, "--threads", 1, *on, stdin=script)
                       for on in ((), ("--ranks", 2))]
            self.assertEqual(outputs[0].stdout, outputs[1].stdout)
            self.assertEqual(outputs[0].returncode, 0, outputs[0].stderr)

    def test_streams(self):
        options = ("--text", TEXT[:6], "--generate", 3, "--temperature", 1, "--streams", 2)
        for r in (1, 2):
            self.run_model(r, self.trained, f"run-{r}", *options)
        for stream in ("stream-0000", "stream-0001"):
            self.same_runs(f"run-1/{stream}", f"run-2/{stream}")

    def test_commands_that_read_models(self):
        text = self.path("text", TEXT[:10].encode())
        script = b"token 65\nshow x 2 top 3\ntop synapses\nundo\ntoken 66\nwhy y 3207 2\n"
        for command in (("evaluate", "--text-file", text), ("activity", "--text-file", text),
                        ("step",)):
            with self.subTest(command):
                name, *options = command
                outputs = [bdh(name, self.trained, *options, "--threads", 1, *on, stdin=script)
                           for on in ((), ("--ranks", 2))]
                self.assertEqual(outputs[0].stdout, outputs[1].stdout)
                self.assertEqual(outputs[0].returncode, outputs[1].returncode)

    def test_resumed_on_any_number_of_ranks(self):
        text = self.path("text", TEXT.encode())
        self.run_model(1, self.trained, "whole", "--text-file", text, "--record", "logits")
        for before, after in ((3, 1), (2, 3), (1, 2)):
            with self.subTest(before=before, after=after):
                run = f"run-{before}-{after}"
                on = ("--ranks", before) if before != 1 else ()
                process = self.start("run", self.trained, "--text-file", text, *on, "--threads", 1,
                                     "--record", "logits", "-o", self.path(run), "--quiet",
                                     "--checkpoint-every", 5, stderr=subprocess.PIPE)
                checkpoint = self.path(run + "/checkpoint-5.h5")
                self.wait_for(lambda c=checkpoint: os.path.exists(c), process)
                process.send_signal(signal.SIGINT)
                message = process.communicate(timeout=PATIENCE)[1]
                self.assertIn(process.returncode, (0, 130), message)
                if process.returncode == 130:
                    on = ("--ranks", after) if after != 1 else ()
                    self.good("resume", self.path(run), *on, "--threads", 1, "--quiet")
                self.same_runs("whole", run)

    def test_what_each_rank_used(self):
        graph = self.path("graph.bdh.h5")
        self.good("new", "small-world", "--neurons", 400, "--degree", 8, "--seed", 2, "-o", graph)
        for model, form in ((self.trained, "hubs"), (graph, "direct")):
            with self.subTest(form):
                run = f"run {form}"
                result = json.loads(self.run_model(3, model, run, "--text", TEXT[:9],
                                                   "--json").stdout)
                planned = self.json("plan", model, "--bandwidth", 10, "--memory", 8)[form]
                self.assertEqual(len(result["ranks"]), 3)
                for rank in result["ranks"]:
                    self.assertEqual(rank["exchanges"], 9 * planned["meetings"])
                    self.assertGreater(rank["peak_memory_bytes"], 1e6)
                if form == "hubs":
                    self.assertEqual(planned["meetings"], 4 * 4 + 3)  # 4 layers
                # What sites exchange, and of packets the sizes, headers and padding.
                counted = sum(int(row["bytes_exchanged"])
                              for row in table(self.path(run + "/summary.csv")))
                sent = sum(rank["bytes_sent"] for rank in result["ranks"])
                packets = 9 * planned["meetings"] * 3 * 2
                self.assertTrue(counted <= sent <= counted + 64 * packets, (counted, sent))
                # Two sites of a rank send what one would.
                two = json.loads(self.run_model(3, model, f"two {form}", "--text", TEXT[:9],
                                                "--threads", 2, "--json").stdout)
                self.assertEqual(sum(rank["bytes_sent"] for rank in two["ranks"]), sent)


class Stops(RanksTest):
    """A run is stopped or loses a rank: all processes end, what was recorded is kept."""

    def begin(self, *options):
        process = self.start("run", self.trained, "--text-file",
                             self.path("text", (TEXT * 400).encode()), "--ranks", 3, "--threads", 1,
                             "--record", "logits every 10", "--checkpoint-every", 5, "-o",
                             self.path("run"), "--quiet", *options, stderr=subprocess.PIPE)
        self.wait_for(lambda: any(name.startswith("checkpoint-")
                                  for name in os.listdir(self.path("run"))
                                  ) if os.path.isdir(self.path("run")) else False, process)
        return process

    def resumed(self):
        """Goes on for a while, in one process; as a run that never stopped."""
        before = len(table(self.path("run/tokens.csv")))
        self.assertGreaterEqual(before, 5)
        process = self.start("resume", self.path("run"), "--threads", 1, "--quiet")
        rows = len(table(self.path("run/tokens.csv"))) + 5
        self.wait_for(lambda: len(table(self.path("run/tokens.csv"))) >= rows, process)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        tokens = len(table(self.path("run/tokens.csv")))
        self.run_model(1, self.trained, "whole", "--text", (TEXT * 400)[:tokens], "--record",
                       "logits every 10")
        self.good("diff", self.path("run"), self.path("whole"))

    def test_ctrl_c(self):
        process = self.begin()
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=PATIENCE)[1]
        self.assertEqual(process.returncode, 130, message)
        self.resumed()

    def test_a_rank_is_killed(self):
        for rank in (1, 0):
            with self.subTest(rank=rank):
                shutil.rmtree(self.path("run"), ignore_errors=True)
                process = self.begin()
                os.kill(dict(ranks_in(self.folder))[rank], signal.SIGKILL)
                message = process.communicate(timeout=PATIENCE)[1]
                self.assertEqual(process.returncode, 3, message)
                self.assertOneLine(message, "killed by signal 9", "bdh resume")
        self.resumed()

    def test_the_program_that_started_them_is_killed(self):
        process = self.begin()
        process.kill()
        process.communicate(timeout=PATIENCE)
        self.tearDown()  # the ranks end by themselves
        self.resumed()


class Refusals(RanksTest):
    def test_one_line(self):
        for code, options, says in (
                (1, (self.trained, "--prefill", "blocks", "--text", "abc"), ("prefill",)),
                (1, (self.path("missing.bdh.h5"), "--text", "abc"), ("no such file",)),
                (1, (self.trained, "--threads", 40, "--text", "abc"),
                 ("2 of 40 sites", "at most 64 sites")),
                (1, (self.trained, "--device", "cuda", "--text", "abc"), ("cuda", "several ranks")),
                (2, (self.trained, "--ranks", "x"), ("--ranks",)),
                (2, (self.trained, "--ranks", 1, "--hosts", "a:2"), ("--hosts", "--ranks"))):
            with self.subTest(options):
                done = bdh("run", *options, *(() if "--ranks" in options else ("--ranks", 2)),
                           *(() if "--threads" in options else ("--threads", 1)))
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertOneLine(done.stderr, *says)

    def test_ranks_of_a_rank(self):
        done = subprocess.run(["mpirun", "-q", "--oversubscribe", "-n", "2", PROGRAM, "run",
                               self.trained, "--ranks", "2", "--text", "abc"], capture_output=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertOneLine(done.stderr, "one of 2 ranks already")

    def test_root_needs_two_variables(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OMPI_")}
        self.refused(1, "run", self.trained, "--ranks", 2, "--text", "abc", env=environment,
                     says=("root", "OMPI_ALLOW_RUN_AS_ROOT=1"))

    @unittest.skipIf(SANITIZED, "sanitizers take all addresses")
    def test_a_rank_without_memory(self):
        edges = self.path("edges.csv", b"source,target,weight\n" + b"".join(
            b"%d,%d,0.01\n" % (i, (i + 7 * k) % 2000) for i in range(2000) for k in range(100)))
        model = self.path("model.bdh.h5")
        for layers, code in ((1, 0), (1024, 3)):  # 400 MB of synapses a rank, none of them touched
            with self.subTest(layers=layers):
                self.good("import", "--gx", edges, "--layers", layers, "-o", model, "--force")
                words = [PROGRAM, "run", model, "--tokens", "1", "--threads", "1", "--quiet"]
                rank = ["-n", "1", "--bind-to", "none"]
                done = subprocess.run(
                    ["mpirun", "-q", "--oversubscribe", *rank, *words, ":", *rank, "bash", "-c",
                     'ulimit -v 400000; exec "$0" "$@"', *words], capture_output=True,
                    timeout=PATIENCE)
                self.assertEqual(done.returncode, code, done.stderr)
                if code:
                    self.assertOneLine(done.stderr, "ranks: rank 1 on ",
                                       "memory: the system refused", "expected enough free memory")

    def test_a_value_that_is_not_finite(self):
        self.good("slice", self.trained, "--heads", "0-3", "-o", self.path("m.bdh.h5"))
        texts = []
        for on in ((), ("--ranks", 2)):
            done = bdh("run", self.path("m.bdh.h5"), *on, "--threads", 1, "--text", TEXT, "--do",
                       "clamp x:0-4095 3e38")
            self.assertEqual(done.returncode, 1)
            texts.append(done.stderr)
        self.assertEqual(*texts)


class Hosts(RanksTest):
    """Three hosts, as network namespaces of this machine."""
    count = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise unittest.SkipTest("hosts are network namespaces: they need root and iproute2")
        subprocess.run([HOSTS, "down", str(cls.count)], capture_output=True)
        if subprocess.run([HOSTS, "up", str(cls.count)], capture_output=True).returncode != 0:
            subprocess.run([HOSTS, "down", str(cls.count)], capture_output=True)
            raise unittest.SkipTest("no network namespaces here")
        cls.addClassCleanup(subprocess.run, [HOSTS, "down", str(cls.count)], capture_output=True)
        for name, value in (("plm_rsh_agent", HOSTS), ("btl", "tcp,self"),
                            ("btl_tcp_if_include", "eth0"), ("oob_tcp_if_include", "eth0")):
            os.environ["OMPI_MCA_" + name] = value

    def on_hosts(self, *arguments, **more):
        """The program, started on the first host."""
        hosts = ",".join(f"bdh-host-{k + 1}:1" for k in range(self.count))
        words = [os.environ["BDH_PROGRAM"], *map(str, arguments), "--ranks", str(self.count),
                 "--hosts", hosts, "--threads", "1"]
        return subprocess.Popen(["ip", "netns", "exec", "bdh-host-1", "unshare", "--uts", "bash",
                                 "-c", 'hostname bdh-host-1; exec "$@"', "-", *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **more)

    @staticmethod
    def said(process):
        """Its standard error, without a warning that mpirun gives where a child is faster."""
        message = process.communicate(timeout=PATIENCE)[1]
        return b"".join(line for line in message.splitlines(keepends=True)
                        if b"plm:rsh: Warning: setpgid" not in line)

    def test_the_same_files(self):
        self.run_model(1, self.trained, "one", "--text", TEXT[:8], "--record", "events")
        process = self.on_hosts("run", self.trained, "--text", TEXT[:8], "--record", "events", "-o",
                                self.path("three"), "--json")
        output, message = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, message)
        self.assertEqual([rank["host"] for rank in json.loads(output)["ranks"]],
                         ["bdh-host-1", "bdh-host-2", "bdh-host-3"])
        self.same_runs("one", "three")

    def test_another_file_on_one_host(self):
        model = self.path("model.bdh.h5", contents(self.trained))
        damaged = self.path("damaged", contents(self.trained)[:100000])
        text = self.path("text", TEXT.encode())
        for other, says in ((self.random, "another model"), (damaged, ""), (text, "")):
            with self.subTest(other):
                environment = {**os.environ, "BDH_HOST_FILE": f"bdh-host-3:{model}:{other}"}
                process = self.on_hosts("run", model, "--text", "abc", env=environment)
                message = self.said(process)
                self.assertEqual(process.returncode, 1, message)
                self.assertOneLine(message, "ranks: rank 2 on bdh-host-3: ", says)

    def test_a_host_that_cannot_be_reached(self):
        subprocess.run([HOSTS, "cut", "3"], check=True)
        self.addCleanup(subprocess.run, [HOSTS, "plug", "3"], check=True)
        process = self.on_hosts("run", self.trained, "--text", "abc")
        message = self.said(process)
        self.assertNotEqual(process.returncode, 0)
        self.assertOneLine(message, "3 ranks on bdh-host-1:1")

    def test_a_cable_is_pulled(self):
        process = self.on_hosts("run", self.trained, "--text-file",
                                self.path("text", (TEXT * 400).encode()), "--checkpoint-every", 5,
                                "-o", self.path("run"), "--quiet")
        self.wait_for(lambda: os.path.exists(self.path("run/checkpoint-5.h5")), process)
        self.addCleanup(subprocess.run, [HOSTS, "plug", "3"], check=True)
        subprocess.run([HOSTS, "cut", "3"], check=True)
        message = process.communicate(timeout=PATIENCE)[1]
        self.assertNotEqual(process.returncode, 0, message)
        for _, process in ranks_in(self.folder):  # a host without its cable ends by itself, later
            os.kill(process, signal.SIGKILL)
        self.assertGreaterEqual(len(table(self.path("run/tokens.csv"))), 5)


if __name__ == "__main__":
    main()
