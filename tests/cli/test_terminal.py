"""bdh at a terminal, and stopped by signals."""
import json
import os
import pty
import signal
import subprocess

from program import PATIENCE, PROGRAM, TEXT, CliTest, contents, idles, listens, main, table, unread


class Terminal(CliTest):
    def on_terminal(self, *arguments, which):
        """Output of the program where one stream is a terminal; the others are not."""
        ours, theirs = pty.openpty()
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, which: theirs}
        process = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, **streams)
        os.close(theirs)
        output = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            output += piece
        os.close(ours)
        self.assertEqual(process.wait(PATIENCE), 0)
        return output

    def test_generated_bytes_cannot_steer_a_terminal(self):
        arguments = ("run", self.random, "--text", "abc", "--generate", "300", "--temperature", "3",
                     "--quiet")
        plain = self.good(*arguments).stdout
        self.assertEqual(len(plain), 300)
        self.assertTrue(any(b < 9 or b == 27 for b in plain))
        shown = self.on_terminal(*arguments, which="stdout").decode()
        self.assertTrue(all(c in "\r\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f")
                            for c in shown))
        self.assertIn("\\x", shown)
        self.assertTrue(shown.endswith("\n"))

    def test_progress_only_on_a_terminal_and_only_if_wanted(self):
        for copies in (12, 120, 1200):  # what is read within a tenth of a second shows nothing
            text = self.path("text", TEXT * copies)
            shown = self.on_terminal("run", self.trained, "--text-file", text,
                                     which="stderr").decode()
            if "\r" in shown:
                break
        for part in ("\r", f"of {copies * len(TEXT):,}", "tokens/s", "left"):
            self.assertIn(part, shown)
        self.assertNotIn("\x1b", self.on_terminal("run", self.trained, "--text-file", text,
                                                  "--quiet", which="stderr").decode())
        self.assertNotIn(b"\x1b", self.good("run", self.trained, "--text-file", text).stderr)


class Signals(CliTest):
    def interrupted(self, number, *arguments):
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        process.stdout.read(1)  # it is generating
        process.send_signal(number)
        output, result = process.communicate(timeout=PATIENCE)
        return process.returncode, output, result

    def test_a_signal_keeps_everything_so_far(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            folder = self.path(f"run{number}")
            status, output, result = self.interrupted(number, "run", self.trained, "--text", "A",
                                                    "--generate", "1000000", "--quiet", "-o",
                                                    folder, "--record", "logits", "--save-state",
                                                    self.path("s.h5"))
            self.assertEqual(status, code)
            self.assertOneLine(result, "stopped", folder)
            run = json.loads(contents(folder + "/run.json"))
            self.assertEqual((run["status"], run["tokens"]), ("interrupted", 2 + len(output)))
            self.assertEqual(len(table(folder + "/summary.csv")), run["tokens"])
            self.assertTrue(self.json("verify", self.trained, folder + "/logits.h5", "--tolerance",
                                      "0")["passed"])
            self.assertEqual(self.json("info", self.path("s.h5"))["tokens"], run["tokens"])

    def test_a_signal_ends_waiting_for_input(self):
        process = self.start("run", self.random, "-", "-o", self.path("run"), "--json",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(b"abc")
        process.stdin.flush()
        tokens = self.path("run/tokens.csv")
        self.wait_for(lambda: os.path.exists(tokens) and len(table(tokens)) == 3, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        result = json.loads(process.stdout.read())
        self.assertEqual((result["tokens"], result["interrupted"]), (3, True))
        self.assertEqual(len(table(tokens)), 3)

    def test_a_second_signal_kills(self):
        # Nothing is read: the program hangs in a write when the first signal comes.
        process = self.start("run", self.random, "--text", "a", "--generate", "10000000", "--quiet",
                             "--threads", "1", stdout=subprocess.PIPE)
        self.wait_for(lambda: unread(process.stdout) != 0 and idles(process), process)
        process.send_signal(signal.SIGINT)
        self.wait_for(lambda: not listens(process) and idles(process), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)

    def test_evaluate_shows_what_it_has(self):
        process = self.start("evaluate", self.random, "--text-file", "/dev/stdin", "--json",
                             "--threads", "1", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        process.stdin.write(TEXT)
        process.stdin.flush()
        self.wait_for(lambda: listens(process, signal.SIGTERM) and unread(process.stdin) == 0
                      and idles(process), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 143)  # before its input ends
        output, result = process.communicate()
        self.assertTrue(json.loads(output)["interrupted"])
        self.assertOneLine(result, "stopped")


if __name__ == "__main__":
    main()
