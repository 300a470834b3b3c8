"""Protocols: conditions and trials from files, each a run that the same words give alone."""
import json
import os
import signal

from program import PATIENCE, CliTest, bdh, main

TEXT = "It is the east, and Juliet is the sun. But soft"
NOISE = "noise x:0-99 gaussian 0 0.3"
PULSE = "stimulate x:5-9 2 at 10,20 for 3"


def read(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


class Protocol(CliTest):
    RECORD = ("--record", "x:0-19", "--record", "logits")

    def alone(self, name, *interventions, seed=0):
        folder = self.path(name)
        do = [word for text in interventions for word in ("--do", text)]
        self.good("run", self.trained, "--text", TEXT, "-o", folder, "--seed", seed, *do,
                  *self.RECORD)
        return folder

    def differ(self, a, b):
        code = bdh("diff", a, b, "--json").stdout
        return json.loads(code)["differ"]

    def assertSameRun(self, a, b):
        self.assertFalse(self.differ(a, b), (a, b))

    def conduct(self, protocol, *options):
        folder = self.path("out" + str(len(os.listdir(self.path("")))))
        self.good("run", self.trained, "--text", TEXT, "--protocol", protocol, "-o", folder,
                  *options, *self.RECORD)
        return folder

    def test_trials_of_conditions_are_runs_of_their_own(self):
        self.path("ramp.csv", b"t,amplitude\n0,0.1\n1,0.2\n2,0.3\n")
        file = self.path("p.json", json.dumps({
            "trials": 2, "interventions": [NOISE],
            "conditions": {"control": [], "pulse": [
                {"do": "stimulate", "on": "x:5-9", "value": 2, "at": [10, 20], "for": 3},
                {"do": "clamp", "on": "y:3", "course": "ramp.csv:amplitude", "every": 15}]},
        }).encode())
        folder = self.conduct(file, "--seed", 4)
        index = read(f"{folder}/streams.json")["streams"]
        self.assertEqual([(s["folder"], s["condition"], s["trial"], s["seed"]) for s in index],
                         [(f"{c}/trial-000{k}", c, k, 4 + k) for c in ("control", "pulse")
                          for k in (0, 1)])
        given = {"control": [NOISE], "pulse": [NOISE, PULSE, "clamp y:3 0.1,0.2,0.3 every 15"]}
        seen = []
        for stream in index:
            run = f"{folder}/{stream['folder']}"
            name = stream["folder"].replace("/", "-")
            self.assertSameRun(run, self.alone(name, *given[stream["condition"]],
                                               seed=stream["seed"]))
            for other in seen:
                self.assertTrue(self.differ(run, other), (run, other))
            seen.append(run)
            options = read(f"{folder}/{stream['folder']}/run.json")["options"]
            self.assertEqual((options["condition"], options["trial"], options["protocol"]),
                             (stream["condition"], stream["trial"], file))

    def test_tables_say_what_json_says(self):
        self.path("ramp.csv", b"amplitude\n0.1\n0.2\n0.3\n")
        table = self.path("p.csv", b"\n".join((
            b"# what is done",
            b"condition;do;on;value;course;mean;deviation;at;for;every",
            b";noise;x:0-99;;;0;0.3;;;",
            b"control;;;;;;;;;",
            b'pulse;stimulate;x:5-9;2;;;;"10,20";3;',
            b"pulse;clamp;y:3;;ramp.csv:amplitude;;;;;15", b"")))
        folder = self.conduct(table, "--trials", 1)
        self.assertEqual(sorted(os.listdir(folder)), ["control", "pulse", "streams.json"])
        self.assertSameRun(f"{folder}/pulse/trial-0000",
                           self.alone("pulse", NOISE, PULSE, "clamp y:3 0.1,0.2,0.3 every 15"))

    def test_one_condition_is_one_run(self):
        file = self.path("p.json", json.dumps({"conditions": {"control": [], "pulse": [PULSE]}})
                         .encode())
        folder = self.conduct(file, "--condition", "pulse")
        self.assertSameRun(folder, self.alone("pulse", PULSE))
        self.assertEqual(read(f"{folder}/run.json")["options"]["condition"], "pulse")
        listed = self.path("list.json", json.dumps([PULSE]).encode())
        self.assertSameRun(self.conduct(listed), self.alone("listed", PULSE))

    def test_trials_need_no_protocol(self):
        folder = self.path("trials")
        self.good("run", self.trained, "--text", TEXT, "--do", NOISE, "--trials", 2, "-o", folder,
                  *self.RECORD)
        for k in (0, 1):
            self.assertSameRun(f"{folder}/trial-000{k}", self.alone(f"alone-{k}", NOISE, seed=k))

    def test_noise_of_mean_0_activates_half_of_the_silent_neurons_however_small_it_is(self):
        """As the documentation says: the threshold is 0."""
        silent = self.path("silent.bdh.h5")
        self.good("import", "--gx", self.path("e.csv", b"source,target,weight\n0,1,1\n"),
                  "--neurons", 400, "--layers", 1, "--sensory", "random:1@1", "-o", silent)
        for noise, least, most in (("gaussian 0 0.001", 48, 52), ("gaussian 0 10", 48, 52),
                                   ("gaussian -0.003 0.001", 0, 0.4), ("poisson 0.01 9", 0.5, 2)):
            done = self.json("run", silent, "--text", TEXT, "--do", f"noise x:all {noise}")
            self.assertTrue(least <= done["active_x_percent"]["mean"] <= most, (noise, done))

    def test_a_stopped_run_goes_on_with_its_noise(self):
        given = (NOISE, "reset every 9", "noise y:0-99 poisson 0.2 0.3")
        whole = self.path("whole"), self.path("half")
        do = [word for text in given for word in ("--do", text)]
        arguments = ("run", self.trained, "--text", TEXT * 40, "--seed", 3, *do, "--quiet", "-o")
        self.good(*arguments, whole[0], *self.RECORD)
        process = self.start(*map(str, (*arguments, whole[1], *self.RECORD)))
        self.wait_for(lambda: os.path.exists(f"{whole[1]}/tokens.csv")
                      and os.path.getsize(f"{whole[1]}/tokens.csv") > 100, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        self.good("resume", whole[1], "--quiet")
        self.assertSameRun(*whole)

    def test_step_follows_a_protocol(self):
        file = self.path("p.json", json.dumps({"conditions": {"control": [], "pulse": [PULSE]}})
                         .encode())
        output = self.good("step", self.trained, stdin=(
            f"protocol {file} pulse\ninterventions\n").encode()).stdout.decode()
        self.assertIn("1  stimulate x:5,6,7,8,9 2 at 10,20 for 3, to come", output)
        self.refused(1, "step", self.trained, stdin=f"protocol {file}\n".encode(),
                     says=("p.json", "control pulse", "CONDITION"))

    def test_what_is_wrong_is_named(self):
        def refused(text, *says, name="bad.json", options=()):
            file = self.path(name, text.encode())
            self.refused(1, "run", self.trained, "--text", TEXT, "--protocol", file, *options,
                         says=says)
            os.remove(file)

        refused("{", "bad.json", "no JSON")
        refused('{"trial": 3}', "key 'trial'", "trials")
        refused('{"trials": 0}', "trials", "0", "1 to")
        refused('{"conditions": {"a": [], "a": []}}', "'a'", "twice")
        refused('{"conditions": {"../a": []}}', "'../a'", "folder")
        refused('{"conditions": {"a": ["stimulate x:5"]}}', "a[0]", "stimulate")
        refused('{"conditions": {"a": [{"do": "stimulate", "on": "x:5", "amp": 3}]}}', "'amp'",
                "value")
        refused('{"conditions": {"a": [{"on": "x:5"}]}}', "no 'do'")
        refused('[{"do": "clamp", "on": "x:5", "course": "none.csv:a"}]', "none.csv")
        refused('[{"do": "clamp", "on": "x:5", "value": 1, "course": "none.csv:a"}]', "one of")
        refused('["silence x:99999"]', "99999")
        refused("condition,do,on,amplitude\na,clamp,x:3,1\n", "'amplitude'", name="bad.csv")
        refused("do,on,value\nclamp,x:3\n", "bad.csv:2", "2 fields", "3", name="bad.csv")
        refused('{"conditions": {"a": []}}', "--condition", "'b'", "one of: a",
                options=("--condition", "b"))
        # Later than the run: refused before anything is written.
        late = self.path("late.json", b'{"conditions": {"a": [], "b": ["reset at 1000"]}}')
        self.refused(1, "run", self.trained, "--text", TEXT, "--protocol", late, "-o",
                     self.path("late"), "--quiet", says=("reset at 1000", "token 1000"))
        self.assertFalse(os.path.exists(self.path("late")))
        self.refused(2, "run", self.trained, "--text", TEXT, "--condition", "a",
                     says=("--protocol",))


class InitialSynapses(CliTest):
    """0 -> 1 -> 2, where each synapse of 0 -> 1 and 1 -> 2 begins as a file says."""

    def model(self):
        edges = self.path("edges.csv", b"source,target,weight\n0,1,1\n1,2,1\n")
        sensory = self.path("sensory.csv", b"source,target,weight\n0,0,1\n1,1,1\n")
        model = self.path("m.bdh.h5")
        self.good("import", "--gx", edges, "--sensory", sensory, "--layers", 2, "--vocabulary", 2,
                  "-o", model)
        return model

    def strengths(self, run, synapse, layer):
        rows = self.good("inspect", run, synapse, "--layer", layer, "--csv").stdout.decode()
        return [float(line.split(",")[-1]) for line in rows.splitlines()[1:]]

    def test_frozen_synapses_are_those_of_the_file(self):
        model = self.model()
        file = self.path("s.csv", b"source,target,strength,layer\n0,1,0.5,\n1,2,-0.25,2\n")
        run = ("run", model, "--tokens", "1,1,1,0", "--synapses", file, "--record",
               "synapses:0->1,1->2", "-o")
        self.good(*run, self.path("frozen"), "--do", "freeze")
        self.assertEqual([self.strengths(self.path("frozen"), "0->1", layer) for layer in (1, 2)],
                         [[0.5] * 4, [0.5] * 4])
        self.assertEqual([self.strengths(self.path("frozen"), "1->2", layer) for layer in (1, 2)],
                         [[0.0] * 4, [-0.25] * 4])
        self.good(*run, self.path("decay"), "--do", "freeze", "--retention", "0.5")
        self.assertEqual(self.strengths(self.path("decay"), "0->1", 1), [0.25, 0.125, 0.0625,
                                                                         0.03125])
        self.good(*run, self.path("trials"), "--trials", 2, "--do", "freeze")
        self.assertEqual(self.strengths(self.path("trials/trial-0001"), "0->1", 2), [0.5] * 4)

    def test_what_is_no_synapse_is_named(self):
        model = self.model()

        def refused(text, *says):
            file = self.path("bad.csv", text.encode())
            self.refused(1, "run", model, "--tokens", "1", "--synapses", file,
                         says=("bad.csv", *says))
            os.remove(file)

        refused("source,target,strength\n0,2,1\n", "bad.csv:2", "no synapse 0->2")
        refused("source,target,strength\n0,1,x\n", "'x'")
        refused("source,target,strength\n0,1,1e99\n", "'1e99'")
        refused("source,target,strength\n0,1,1\n0,1,1\n", "bad.csv:3", "before")
        refused("source,target,strength,layer\n0,1,1,3\n", "layer", "'3'")
        refused("source,target,strength\n0,9,1\n", "'9'", "0 to 2")
        refused("source,target,weight\n0,1,1\n", "'weight'", "strength")
        file = self.path("s.csv", b"source,target,strength\n0,1,1\n")
        self.refused(1, "run", self.trained, "--text", "a", "--synapses", file,
                     says=("through hubs", "--state"))
        self.refused(2, "run", model, "--tokens", "1", "--synapses", "bf17",
                     says=("bf17", "float32", "NAME.csv"))


if __name__ == "__main__":
    main()
