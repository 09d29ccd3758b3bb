"""What was tried, how often, and what went wrong."""

COLUMNS = ["tried", "killed", "lost", "panicked", "hung", "wrong"]


class Tally:
    """One row of the table."""

    def __init__(self, name, keep):
        self.name = name
        self.counts = dict.fromkeys(COLUMNS, 0)
        self.keep = keep

    def add(self, column, number=1):
        self.counts[column] += number

    def fail(self, column, what, runs, folder):
        """Notes a failure, and keeps what led to it."""
        self.add(column)
        place = self.keep(self.name, folder, what + "\n\n" + "\n".join(map(str, runs)))
        print(f"{self.name}: {column}: {what}; kept in {place}", flush=True)

    def sound(self, run, runs, folder):
        """Whether a run ended in one of the ways in which a program may; else it is noted."""
        if run.panicked:
            self.fail("panicked", f"exit code {run.code}", runs, folder)
        elif run.hung:
            self.fail("hung", f"no end after {run.seconds:.0f} s", runs, folder)
        return not run.panicked and not run.hung

    @property
    def failures(self):
        return sum(self.counts[column] for column in COLUMNS[2:])


def table(tallies):
    lines = ["| what | " + " | ".join(COLUMNS) + " |", "|---" + "|--:" * len(COLUMNS) + "|"]
    for tally in tallies:
        if tally.counts["tried"]:
            lines.append(f"| {tally.name} | " + " | ".join(str(tally.counts[column]) for column in COLUMNS) + " |")
    return "\n".join(lines)
