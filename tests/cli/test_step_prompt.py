"""bdh step at a prompt."""
import os
import pty
import select
import signal

from program import PATIENCE, main
from step import StepTest


class Prompt(StepTest):
    def setUp(self):
        super().setUp()
        ours, theirs = pty.openpty()
        environment = dict(os.environ, XDG_STATE_HOME=self.folder, TERM="xterm")
        self.model = self.graph()
        self.started = lambda model: self.start("step", model, stdin=theirs, stdout=theirs,
                                                stderr=theirs, env=environment, cwd=self.folder,
                                                start_new_session=True,
                                                preexec_fn=self.own_terminal)
        self.terminal, self.output = ours, ""
        self.addCleanup(os.close, theirs)
        self.addCleanup(os.close, ours)

    @staticmethod
    def own_terminal():
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read_more(self, what):
        self.assertTrue(select.select([self.terminal], [], [], PATIENCE)[0],
                        (what, self.output[-500:]))
        self.output += os.read(self.terminal, 65536).decode(errors="replace")

    def expect(self, part):
        """Reads until the text comes; returns all since the last time."""
        while part not in self.output:
            self.read_more(part)
        before, self.output = self.output.split(part, 1)
        return before

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def test_completes_commands_words_and_names(self):
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("tok\t65\r")
        self.expect("token 0: 65")
        self.expect("bdh 1> ")
        self.type("show x ali\t layer 1\r")
        self.expect("X of layer 1, token 0")
        self.expect("bdh 1> ")
        self.type("si\tx:car\t\r")
        self.expect("intervention 1: silence x:carol")
        self.type("s\t")
        for command in ("save", "set", "show", "silence", "stimulate", "synapse"):
            self.expect(command)
        self.type("\x15\x04")
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_remembers_lines_from_one_time_to_the_next(self):
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("token 65\r")
        self.expect("bdh 1> ")
        self.type("\x1b[A\r")
        self.expect("token 1: 65")
        self.expect("bdh 2> ")
        self.type("quit\r")
        self.assertEqual(process.wait(PATIENCE), 0)
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("\x1b[A\x1b[A\r")
        self.expect("bdh 1> ")
        self.type("\x04")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(os.stat(self.path("bdh/history")).st_mode & 0o077, 0)

    def test_errors_leave_the_prompt(self):
        process = self.started(self.model)
        self.expect("bdh 0> ")
        self.type("nonsense\r")
        self.expect("'nonsense', expected")
        self.expect("bdh 0> ")
        self.type("round 65\r")
        self.expect("bdh 0, layer 1 round 3> ")
        self.type("quit\r")
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_ctrl_c_ends_the_work_and_not_the_program(self):
        process = self.started(self.trained)
        self.expect("bdh 0> ")
        self.type("\x03")
        self.expect("quit or Ctrl-D leaves")
        self.expect("bdh 0> ")
        self.type("abc")
        self.expect("abc")
        self.type("\x03")
        self.assertNotIn("leaves", self.expect("bdh 0> "))
        for _ in range(2):
            self.type("text To be\r")
            self.expect("tokens")
            self.expect("> ")
            self.type("generate 1000000\r")
            self.expect("generate 1000000")
            self.expect("\n")
            while len(self.output) < 10:  # the text that it generates
                self.read_more("generated text")
            self.type("\x03")
            self.expect("stopped; the next token is token ")
            self.expect("> ")
        self.type("token 65\r")
        self.expect("65 'A'")
        self.expect("> ")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 143)


if __name__ == "__main__":
    main()
