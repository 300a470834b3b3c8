"""bdh plan: every size that it prints is what bdh info and a run measure; times follow from bytes
and bandwidth."""
import json
import os
import re
import subprocess

from program import PATIENCE, PROGRAM, RANDOM, CliTest, main

MACHINE = ("--bandwidth", 10, "--memory", 8)


class Plan(CliTest):
    def plan(self, *arguments):
        return self.json("plan", *arguments)

    def assertIsWhatIsMeasured(self, planned, model, threads):
        info = self.json("info", model)
        self.assertEqual(planned["model_bytes"], info["model_bytes"])
        self.assertEqual(planned["synapse_bytes"], info["synapse_bytes"])
        run = self.json("run", model, "--tokens", "1,2,3", "--threads", threads, "--sites", threads)
        self.assertEqual(planned["synapse_bytes"] + planned["working_bytes"], run["synapse_bytes"])

    def direct(self):
        model = self.path("direct.bdh.h5")
        self.good("import", f"{RANDOM}/model.safetensors", "--circuit", "direct", "-o", model)
        return model

    def graph(self, n=350, degree=7):
        """Edges far and near: what the plan says of sites is for graphs without locality."""
        edges = self.path("ring.csv", b"source,target,weight\n"
                          + b"".join(b"%d,%d,0.05\n" % (i, (i + 47 * k) % n) for i in range(n)
                                     for k in range(1, degree + 1)))
        model = self.path("ring.bdh.h5")
        self.good("import", "--gx", edges, "--layers", 3, "-o", model)
        return model

    def test_through_hubs(self):
        sizes = {self.random: (64, 8, 3, 2), self.trained: (4096, 64, 4, 4)}
        for model, (n, d, layers, heads) in sizes.items():
            for threads in (1, 2):
                by_sizes = self.plan("--neurons", n, "--hubs", d, "--layers", layers, "--heads",
                                     heads, "--threads", threads, *MACHINE)
                self.assertIsWhatIsMeasured(by_sizes["hubs"], model, threads)
                self.assertEqual(by_sizes["hubs"], self.plan(model, "--threads", threads,
                                                             *MACHINE)["hubs"])

    def test_every_edge_of_a_trained_model(self):
        model = self.direct()
        for threads in (1, 2):
            by_sizes = self.plan("--neurons", 64, "--hubs", 8, "--layers", 3, "--heads", 2,
                                 "--threads", threads, *MACHINE)
            self.assertIsWhatIsMeasured(by_sizes["direct"], model, threads)
            self.assertEqual(by_sizes["direct"], self.plan(model, "--threads", threads,
                                                           *MACHINE)["direct"])

    def test_a_graph(self):
        model = self.graph()
        for threads in (1, 3):
            by_sizes = self.plan("--neurons", 350, "--degree", 7, "--layers", 3, "--threads",
                                 threads, *MACHINE)
            self.assertIsWhatIsMeasured(by_sizes["direct"], model, threads)
            # The model has no inhibitory edges: fewer rows are begun than sizes alone make likely.
            of_model = self.plan(model, "--threads", threads, *MACHINE)["direct"]
            self.assertLess(of_model["rows_of_targets"], by_sizes["direct"]["rows_of_targets"])
            of_rows = {"rows_of_sources", "rows_of_targets", "row_edges", "seconds_per_token"}
            self.assertEqual(*({key: value for key, value in plan.items() if key not in of_rows}
                               for plan in (by_sizes["direct"], of_model)))

    def test_weights_in_bfloat16(self):
        for model, form in ((self.random, "hubs"), (self.direct(), "direct"),
                            (self.graph(), "direct")):
            planned = self.plan(model, "--weights", "bf16", "--threads", 1, *MACHINE)[form]
            run = self.json("run", model, "--tokens", "1,2,3", "--threads", 1, "--weights", "bf16")
            self.assertEqual(planned["model_bytes"], run["model_bytes"])
            self.assertEqual(planned["synapse_bytes"] + planned["working_bytes"],
                             run["synapse_bytes"])
            self.assertLess(planned["bytes_per_token"],
                            self.plan(model, *MACHINE)[form]["bytes_per_token"])

    def test_what_sites_exchange(self):
        for model, form in ((self.trained, "hubs"), (self.graph(), "direct")):
            run = self.json("run", model, "--text", "To be, or not to be", "--threads", 2,
                            "--sites", 2)
            activity = f"{run['active_x_percent']['mean']},{run['active_y_percent']['mean']}"
            planned = self.plan(model, "--activity", activity, "--sites", 2, "--network", 1,
                                "--threads", 1, *MACHINE)[form]
            self.assertAlmostEqual(planned["bytes_between_sites"] * run["tokens"] / run[
                "bytes_exchanged"], 1, delta=0.15)

    def test_machines_stop_paying_where_messages_take_longest(self):
        sizes = ("--neurons", 32768, "--hubs", 256, "--heads", 4, "--layers", 6, "--activity",
                 "5,1", "--threads", 32, "--bandwidth", 170, "--memory", 512)
        network = ("--network", 12.5, "--latency", 2)
        planned = self.plan(*sizes, *network)["hubs"]
        self.assertEqual(planned["meetings"], 4 * 6 + 3)
        times = planned["on_ranks"]
        self.assertEqual([t["ranks"] for t in times], [2**k for k in range(10)])  # 512 blocks
        for t in times:
            self.assertAlmostEqual(t["seconds_per_token"], t["divided"] + t["undivided"]
                                   + t["sending"] + t["waiting"])
            if t["ranks"] > 1:  # of each exchange, and the next token: one latency, and the others
                wait = (4 * 6 + 4) * (2e-6 + (t["ranks"] - 1) * 0.3e-6)
                self.assertAlmostEqual(t["waiting"], wait)
        for t in (times[1], times[7]):  # 2 and 128, of 32 threads each
            of_ranks = self.plan(*sizes, *network, "--ranks", t["ranks"])["hubs"]
            self.assertAlmostEqual(of_ranks["seconds_per_token"], t["seconds_per_token"])
            self.assertAlmostEqual(t["sending"], of_ranks["bytes_between_sites"] / t["ranks"]
                                   / 12.5e9)
        fastest = min(times, key=lambda t: t["seconds_per_token"])
        after = times[times.index(fastest) + 1]
        self.assertGreater(after["waiting"], after["divided"])
        text = self.good("plan", *sizes, *network).stdout.decode()
        self.assertIn(f"{fastest['ranks']} are fastest, beyond it waiting for messages", text)
        faster = self.plan(*sizes, "--network", 12.5, "--latency", 0.5)["hubs"]["on_ranks"]
        self.assertLess(faster[5]["waiting"], times[5]["waiting"])

    def test_synaptic_events_are_the_edges_that_are_read(self):
        run = self.json("run", self.trained, "--text", "To be, or not to be, that is the question")
        activity = f"{run['active_x_percent']['mean']},{run['active_y_percent']['mean']}"
        planned = self.plan(self.trained, "--activity", activity, *MACHINE)["hubs"]
        # Four bytes for each edge or synapse over which a value travels, and for each synapse
        # written.
        moved = 4 * (run["synaptic_events"] + run["hebbian_writes"]) / run["tokens"]
        self.assertAlmostEqual(planned["bytes_per_token"] / moved, 1, delta=0.05)

    def test_time_is_bytes_over_bandwidth_and_what_a_core_needs_besides(self):
        sizes = ("--neurons", 32768, "--hubs", 256, "--layers", 6, "--activity", "5,1", "--memory",
                 8)
        slow, middle, fast = (self.plan(*sizes, "--bandwidth", b)["hubs"] for b in (10, 20, 40))
        self.assertAlmostEqual(slow["seconds_per_token"] - middle["seconds_per_token"],
                               2 * (middle["seconds_per_token"] - fast["seconds_per_token"]))
        alone = self.plan(*sizes, "--bandwidth", 10, "--threads", 1)["hubs"]
        self.assertLess(alone["floor_seconds_per_token"], alone["seconds_per_token"])
        # Edges are bound by cores: more of them, or a memory that answers at once, and what remains
        # is the wait for rows.
        graph = ("--neurons", 100000, "--degree", 300, "--layers", 4, "--activity", "5,3",
                 "--memory", 8)
        one, two = (self.plan(*graph, "--bandwidth", 1000, "--threads",
                              t)["direct"]["seconds_per_token"] for t in (1, 2))
        self.assertTrue(0.5 * one < two < one, (one, two))
        self.assertAlmostEqual(slow["floor_seconds_per_token"], slow["bytes_per_token"] / 10e9)
        self.assertLess(slow["floor_seconds_per_token"], slow["seconds_per_token"])
        # DESIGN's figure for this size: 42 MB a layer.
        self.assertAlmostEqual(slow["bytes_per_token"] / 6 / 42e6, 1, delta=0.02)

    def test_times_of_a_second_and_more_are_in_seconds(self):
        for bandwidth, unit in ((1, "s"), (50, "ms")):
            text = self.good("plan", "--neurons", 32768, "--hubs", 256, "--layers", 6, "--threads",
                             1, "--memory", 8, "--bandwidth", bandwidth).stdout.decode()
            direct = re.search(r"time of a token +[0-9.]+ (m?s) +([0-9.]+) (m?s)\n", text)
            self.assertTrue(direct, text)
            self.assertNotIn("e+", direct.group(0))
            self.assertEqual(direct.group(3), "s")

    def test_where_one_machine_stops(self):
        sizes = ("--hubs", 64, "--layers", 4, "--heads", 4, "--threads", 1, *MACHINE)
        for form in ("hubs", "direct"):
            most = self.plan("--neurons", 4096, *sizes)[form]["most_neurons"]
            for neurons, fits in ((most, True), (most + 8, False)):
                of = self.plan("--neurons", neurons, *sizes)[form]
                self.assertEqual(of["model_bytes"] + of["synapse_bytes"]
                                 + of["working_bytes"] <= 8e9, fits, (form, neurons))

    def test_gpus_and_machines_share_the_work(self):
        sizes = ("--neurons", 2 ** 20, "--hubs", 256, "--layers", 6, "--bandwidth", 1000,
                 "--memory", 80, "--gpus", 4)
        one, two = self.plan(*sizes)["hubs"], self.plan(*sizes, "--sites", 2, "--network",
                                                        50)["hubs"]
        self.assertAlmostEqual(one["seconds_per_token"], one["bytes_per_token"] / 4e12)
        self.assertAlmostEqual(two["seconds_per_token"], one["bytes_per_token"] / 8e12
                               + two["bytes_between_sites"] / 2 / 50e9
                               + (4 * 6 + 4) * (2e-6 + 0.3e-6))  # messages
        self.assertGreater(two["most_neurons"], 1.9 * one["most_neurons"])
        self.assertIn(b"floor", self.good("plan", *sizes).stdout)

    def test_a_gpu_that_is_not_here(self):
        sizes = ("--neurons", 4096, "--hubs", 64, "--layers", 2, "--degree", 40)
        slow, fast = (self.plan(*sizes, "--gpu", gpu) for gpu in ("h100", "h200"))
        for form in ("hubs", "direct"):
            found = slow[form]["on_gpu"]
            parts = ("launching", "waiting", "moving", "exchanging")
            self.assertAlmostEqual(sum(found[part] for part in parts), found["seconds_per_token"])
            self.assertEqual(found["seconds_per_token"], slow[form]["seconds_per_token"])
            self.assertGreaterEqual(found["launching"], 1.3e-6 * found["launches"])
            # What differs between the two is the memory.
            for same in ("launches", "bytes_touched", "launching", "waiting"):
                self.assertEqual(found[same], fast[form]["on_gpu"][same])
            self.assertGreaterEqual(found["moving"], fast[form]["on_gpu"]["moving"])
        narrow = self.plan(self.random, "--gpu", "h200", "--weights", "bf16")
        self.assertLess(narrow["hubs"]["on_gpu"]["bytes_touched"],
                        self.plan(self.random, "--gpu", "h200")["hubs"]["on_gpu"]["bytes_touched"])
        large = ("--neurons", 65536, "--hubs", 64, "--layers", 1, "--gpu", "h200")
        self.assertNotIn("on_gpu", self.plan(*large)["direct"])  # n^2 edges
        self.assertIn(b"nothing has been measured", self.good("plan", *large).stdout)
        full = self.plan("--neurons", 2 ** 25, "--hubs", 256, "--layers", 1, "--gpu", "h100")
        self.assertNotIn("on_gpu", full["hubs"])  # 137 GB
        rows = self.plan("--neurons", 2 ** 23, "--degree", 2, "--layers", 1, "--gpu", "h100")
        self.assertNotIn("on_gpu", rows["direct"])

    def test_bad_usage(self):
        for arguments, says in (((), "--neurons"),
                                (("--neurons", 64, "--layers", 2), "--hubs"),
                                (("--neurons", 63, "--hubs", 8, "--layers", 2), "--neurons"),
                                ((self.random, "--neurons", 64), "MODEL"),
                                (("--neurons", 64, "--degree", 65, "--layers", 2), "--degree"),
                                ((self.random, "--activity", "101,4"), "--activity"),
                                ((self.random, "--activity", "5"), "--activity"),
                                ((self.random, "--gpus", 2), "--gpus"),
                                ((self.random, "--gpu", "h3000"), "h100"),
                                ((self.random, "--gpu", "h100", "--memory", 8), "--gpu"),
                                ((self.random, "--sites", 2, *MACHINE), "--network")):
            self.refused(2, "plan", *arguments, says=(says,))
        self.refused(1, "plan", self.path("absent.bdh.h5"), *MACHINE, says=("absent",))


class Machine(CliTest):
    def test_this_machine_is_measured(self):
        machine = self.json("plan", self.random)["machine"]
        self.assertTrue(machine["measured"])
        for rate in ("bandwidth", "copy", "update"):
            # bytes or edges a second, however slow it is now
            self.assertTrue(1e6 < machine[rate] < 1e13, machine)
        self.assertLess(0.5 * machine["memory"],
                        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE"))
        self.assertIn(b"measured", self.good("plan", self.random).stdout)

    def test_memory_is_that_of_the_container(self):
        """Of a control group within the one that this process is in; version 1 or 2, where one can
        be made."""
        with open("/proc/self/cgroup") as f:
            own = {kind: path for _, kind, path in (line.rstrip("\n").split(":", 2) for line in f)}
        name, limit = f"bdh-test-{os.getpid()}", 700 << 20
        for folder, file in (("/sys/fs/cgroup/memory" + own.get("memory", ""),
                              "memory.limit_in_bytes"), ("/sys/fs/cgroup" + own.get("", ""),
                                                         "memory.max")):
            group = os.path.join(folder, name)
            try:
                os.mkdir(group)
                self.addCleanup(os.rmdir, group)
                # not there, where the group has no controller of memory
                with open(os.path.join(group, file), "r+") as f:
                    f.write(str(limit))
            except OSError:
                continue
            within = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', group, PROGRAM, "plan",
                      self.random, "--bandwidth", "1", "--json"]
            done = subprocess.run(within, capture_output=True, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(json.loads(done.stdout)["machine"]["memory"], limit)
            return
        print("skipped: memory of a container: no control group with a limit can be made here")


if __name__ == "__main__":
    main()
