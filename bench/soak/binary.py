"""Running the binary, so that nothing it does can harm the soak."""

import os
import re
import resource
import signal
import subprocess
import time

PETAL = os.environ.get("PETAL", "petal")
# What a damaged file must not make it ask for.
MEMORY = 8 << 30


class Run:
    """What one run of `petal` did: its exit code (None where it was killed), its words, its seconds."""

    def __init__(self, arguments, folder, kill_after=None, timeout=120):
        self.arguments = [str(argument) for argument in arguments]
        self.killed = self.hung = False
        output = folder / "output.txt"
        environment = os.environ | {"KERAS_HOME": str(folder / "keras")}
        started = time.monotonic()
        with open(output, "wb") as file:
            process = subprocess.Popen(
                [PETAL, *self.arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True, env=environment,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
            )
            try:
                self.code = process.wait(timeout if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self.code = None
                self.killed, self.hung = kill_after is not None, kill_after is None
        self.seconds = time.monotonic() - started
        self.text = output.read_bytes().decode(errors="replace")
        output.unlink()

    @property
    def panicked(self):
        return self.code is not None and (self.code < 0 or self.code == 101 or "panicked at" in self.text)

    def epochs_begun(self):
        """The numbers after "Epoch", in order."""
        return [int(number) for number in re.findall(r"^Epoch (\d+)/\d+", self.text, re.M)]

    def epochs_reported(self):
        """How many epochs were said to be done."""
        return len(re.findall(r"^\d+/\d+ - .*val_loss: ", self.text, re.M))

    def __str__(self):
        end = "killed" if self.killed else "hung" if self.hung else f"exit code {self.code}"
        return f"$ petal {' '.join(self.arguments)}\n{self.text[-3000:]}\n[{end} after {self.seconds:.1f} s]\n"
