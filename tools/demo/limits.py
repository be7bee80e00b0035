"""How little address space the game survives in each mode: a bisection for each side, in turns, within a bounded time."""

import dataclasses
import textwrap
import time

from tables import WIDTH, Table

SMALLEST_MB, LARGEST_MB, STEP_MB = 300, 1000, 50
SCENARIOS = ("modded", "streaming")  # the hungriest ones
FRAMES = 60  # a whole cycle of a scenario's frames
RUN_SECONDS = 60  # a run that takes longer counts as one that hangs

SURVIVED, DIED, NO_TIME = "survived", "died", "no time"


@dataclasses.dataclass
class Search:
    """Of one side. Assumes that what survives with some address space survives with more."""

    sizes: list
    below: int = -1  # the largest index known to be too little
    enough: int = None  # the smallest index known to be enough; one behind the end while none is known
    reasons: dict = dataclasses.field(default_factory=dict)  # by size: how the first run that did not survive ended

    def __post_init__(self):
        self.enough = len(self.sizes)

    @property
    def is_done(self):
        return self.enough - self.below == 1

    def next_size(self):
        return self.sizes[(self.below + self.enough) // 2]

    def note(self, size, reason):
        """`reason` is None when every run with `size` survived."""
        index = self.sizes.index(size)
        if reason is None:
            self.enough = index
        else:
            self.below = index
            self.reasons[size] = reason

    def result(self):
        """What is known, in MB: `survives` is the smallest size that did, `dies` the largest that did not."""
        return {"complete": self.is_done, "survives": self.sizes[self.enough] if self.enough < len(self.sizes) else None,
                "dies": self.sizes[self.below] if self.below >= 0 else None, "reasons": self.reasons}


@dataclasses.dataclass
class Sweep:
    """`play(side, size, scenario, seed, seconds)` is one run: None when it survived, else how it ended."""

    play: object
    sides: list
    scenarios: list
    runs: int
    seconds: float
    tell: object = print
    clock: object = time.monotonic
    sizes: tuple = tuple(range(SMALLEST_MB, LARGEST_MB + 1, STEP_MB))

    def __post_init__(self):
        self.end = self.clock() + self.seconds
        self.searches = {side: Search(list(self.sizes)) for side in self.sides}

    def run(self):
        """Each side's next size in turn, so that all of them have got equally far when time is over. {side: result}"""
        while any(not search.is_done for search in self.searches.values()):
            for side, search in self.searches.items():
                if not search.is_done and not self.try_next(side, search):
                    return self.results()
        return self.results()

    def results(self):
        return {side: search.result() for side, search in self.searches.items()}

    def try_next(self, side, search):
        """False when time is over: then nothing was learned."""
        size = search.next_size()
        outcome, reason = self.try_size(side, size)
        if outcome == NO_TIME:
            return False
        search.note(size, reason)
        self.tell(f"{side}, {size} MB: {outcome}" + (f" ({reason})" if reason else ""))
        return True

    def try_size(self, side, size):
        for seed in range(1, self.runs + 1):
            for scenario in self.scenarios:
                left = self.end - self.clock()
                if left < 1:
                    return NO_TIME, None
                reason = self.play(side, size, scenario, seed, min(RUN_SECONDS, left))
                if reason is not None and self.clock() >= self.end:
                    return NO_TIME, None  # it was ended with the time
                if reason is not None:
                    return DIED, f"{scenario}, run {seed}: {reason}"
        return SURVIVED, None


def finding(result):
    """One side's result, for people."""
    survives, dies = result["survives"], result["dies"]
    if result["complete"]:
        return f"more than {dies} MB" if survives is None else f"{survives} MB" + ("" if dies else " or less")
    between = f"above {dies} MB" if dies else "not known from below"
    return f"{between}, {'at most ' + str(survives) + ' MB' if survives else 'not known from above'}; time was over"


def rule(document):
    """How the figures came about, in one sentence each."""
    return (f"Address space from {SMALLEST_MB} to {LARGEST_MB} MB in steps of {STEP_MB} MB, halved in each turn. A size is survived "
            f"when {document['runs']} of {document['runs']} runs of each of {', '.join(document['scenarios'])} end well "
            f"({document['frames']} frames, {document['scale']}% of the work, each run with a seed of its own, at most "
            f"{RUN_SECONDS} s): without a refused allocation, a damaged block, a crash or a hang.")


def show(document):
    print()
    print("\n".join(textwrap.wrap(rule(document), WIDTH)))
    print()
    table = Table("Smallest address space that is survived", ["side", "smallest"])
    for side, result in document["sides"].items():
        table.add([side, finding(result)])
    print("\n".join(table.lines()))
    left_out = [side for side, result in document["sides"].items() if not result["complete"]]
    if left_out:
        print(f"Time was over after {document['minutes']:g} minutes: not finished for {', '.join(left_out)}.")
