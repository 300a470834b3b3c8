"""Views outlive model, run and simulator objects; blocks are released after exceptions, nested and
in any order; what is dropped leaves no memory behind."""
import copy
import gc
import pickle
import resource
import signal
import sys
import threading
import time
import unittest

import bdhsim as bs
import numpy as np
from support import TEXT, Models, program

models = Models()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


class Lifetimes(unittest.TestCase):
    def test_views_outlive_their_owners(self):
        gc.set_threshold(1)
        self.addCleanup(gc.set_threshold, 700)
        for file in models.small, models.direct:
            model = bs.load(file)
            brain = bs.Simulator(model)
            brain.read(TEXT)
            state = brain.save()
            views = [c.weights for c in model.circuits.values()]
            views += [c.indices for c in model.circuits.values() if c.indices is not None]
            views += [layer["synapses"] for layer in state.layers]
            views += [brain.x, brain.logits, brain.sigma(1, 0), state.logits]
            before = [np.array(v) for v in views]
            del model, brain, state
            for _ in range(3):
                gc.collect()
            other = bs.Simulator(file)  # memory that was freed would be used again
            other.read(TEXT[::-1])
            for a, b in zip(before, views):
                self.assertEqual(a.tobytes(), b.tobytes())

    def test_views_are_read_only_and_at_one_address(self):
        model = bs.load(models.small)
        a, b = model._core.circuit("e")["weights"], model._core.circuit("e")["weights"]
        self.assertFalse(a.flags.writeable)
        self.assertEqual(a.ctypes.data, b.ctypes.data)

    def test_copies_do_not_change(self):
        brain = bs.Simulator(models.small)
        brain.step("a")
        x, logits = brain.x, brain.logits
        kept = x.copy(), logits.copy()
        x[0] = 99
        self.assertNotEqual(brain.x[0], 99)
        brain.read(TEXT)
        self.assertTrue((logits == kept[1]).all() and (x[1:] == kept[0][1:]).all())

    def test_blocks_are_released_after_exceptions(self):
        brain = bs.Simulator(models.small)
        brain.intervene("silence x:1")
        with self.assertRaises(ZeroDivisionError):
            with brain.perturb("silence x:2"):
                with brain.perturb("silence x:3", bs.freeze()):
                    self.assertEqual(len(brain.interventions), 4)
                    raise ZeroDivisionError
        self.assertEqual(list(brain.interventions.values()), ["silence x:1 from 0"])

    def test_blocks_in_any_order(self):
        brain = bs.Simulator(models.small)
        blocks = [brain.perturb(f"silence x:{n}") for n in range(3)]
        for block in blocks:
            block.__enter__()
        for number, left in ((1, 2), (0, 1), (2, 0)):
            blocks[number].__exit__(None, None, None)
            self.assertEqual(len(brain.interventions), left)

    def test_all_or_none(self):
        brain = bs.Simulator(models.small)
        with self.assertRaises(bs.InputError):
            brain.intervene("silence x:1", "silence x:99999")
        self.assertEqual(brain.interventions, {})

    def test_a_token_left_in_the_middle_is_finished(self):
        brain, whole = bs.Simulator(models.small), bs.Simulator(models.small)
        for one in brain.rounds("a"):
            if one.layer == 2:
                break
        del one
        gc.collect()
        whole.step("a")
        self.assertEqual(brain.tokens, 1)
        self.assertEqual(brain.logits.tobytes(), whole.logits.tobytes())
        with self.assertRaises(bs.InputError):
            for _ in brain.rounds("a"):
                brain.step("b")
        self.assertEqual(brain.tokens, 2)

    def test_a_recording_that_fails(self):
        brain = bs.Simulator(models.small)
        folder = models.folder + "/failed"
        with self.assertRaises(ZeroDivisionError):
            with brain.record(folder):
                brain.read("abc")
                raise ZeroDivisionError
        run = bs.open_run(folder)
        self.assertEqual((run.status, len(run)), ("failed", 3))
        self.assertFalse(brain._core.is_recording)

    def test_undoing(self):
        for history in False, True:
            brain = bs.Simulator(models.small, history=history)
            brain.read(TEXT)
            before = brain.save()
            with self.assertRaises(ZeroDivisionError):
                with brain.undoing():
                    brain.read("what if")
                    raise ZeroDivisionError
            after = brain.save()
            for a, b in zip(before.layers, after.layers):
                self.assertEqual(a["synapses"].tobytes(), b["synapses"].tobytes())
            self.assertEqual(before.logits.tobytes(), brain.logits.tobytes())

    def test_pickle_and_copy(self):
        model = bs.load(models.small)
        brain = bs.Simulator(model)
        brain.read(TEXT)
        state = brain.save()
        for again in pickle.loads(pickle.dumps(state)), copy.copy(state), copy.deepcopy(state):
            other = bs.Simulator(again.model)
            other.restore(again)
            self.assertEqual(other.read("x", keep="logits").logits.tobytes(),
                             self._after(brain, state))
        self.assertEqual(pickle.loads(pickle.dumps(model)), model)
        nameless = model.slice("0-31")
        self.assertIsNone(nameless.path)
        self.assertEqual(pickle.loads(pickle.dumps(nameless)), nameless)

    @staticmethod
    def _after(brain, state):
        brain.restore(state)
        return brain.read("x", keep="logits").logits.tobytes()

    def test_dropped_simulators_leave_no_memory(self):
        model = bs.load(models.small)
        for _ in range(50):
            bs.Simulator(model).step("a")
        gc.collect()
        before = resident()
        for _ in range(1000):
            bs.Simulator(model).step("a")
        gc.collect()
        self.assertLess(resident() - before, 20 << 20)

    def test_memory_of_many_steps_is_flat(self):
        brain = bs.Simulator(models.small)
        token = ord("a")
        for _ in range(1000):
            brain.step(token)
        before = resident()
        for _ in range(10000):
            brain.step(token)
        self.assertLess(resident() - before, 4 << 20)


class Threads(unittest.TestCase):
    def test_one_simulator_from_two_threads_is_serialised(self):
        brain = bs.Simulator(models.small)
        threads = [threading.Thread(target=brain.read, args=("a" * 500,)) for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        alone = bs.Simulator(models.small)
        alone.read("a" * 1000)
        self.assertEqual(brain.tokens, 1000)
        self.assertEqual(brain.logits.tobytes(), alone.logits.tobytes())

    def test_python_goes_on_while_tokens_are_read(self):
        brain = bs.Simulator(models.trained)
        reading = threading.Thread(target=brain.read, args=(TEXT * 20,))
        counted = 0
        reading.start()
        while reading.is_alive():
            counted += 1
            time.sleep(0.001)
        self.assertGreater(counted, 20)

    def test_control_c_stops_between_tokens(self):
        brain = bs.Simulator(models.trained)
        previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGALRM, previous)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with self.assertRaises(KeyboardInterrupt):
            brain.read(TEXT * 500)
        read = brain.tokens
        self.assertTrue(0 < read < 500 * len(TEXT))
        alone = bs.Simulator(models.trained)
        alone.read((TEXT * 500)[:read])
        self.assertEqual(alone.logits.tobytes(), brain.logits.tobytes())

    def test_progress_that_fails(self):
        brain = bs.Simulator(models.trained)

        def fail(done):
            raise ZeroDivisionError(done)
        with self.assertRaises(ZeroDivisionError):
            brain.read(TEXT * 100, progress=fail)
        self.assertGreater(brain.tokens, 0)
        brain.step("a")


if __name__ == "__main__":
    program("--version")
    unittest.main(argv=sys.argv)
