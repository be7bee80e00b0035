"""Statistics of the benchmark: medians of ratios within one run, and the checks of the targets."""

import dataclasses
import statistics

OURS = "mp"
ORIGINAL, BOUND, LIST, LIVE_BITS = "original", "bound", "list", "live_bits"
PEERS = ("glibc", "rpmalloc", "mimalloc", "jemalloc")
#: In tables and charts.
ORDER = (OURS, ORIGINAL, *PEERS, LIVE_BITS, "process_heap", BOUND, LIST)
MEGABYTE = 1 << 20


def median(values):
    """Median of what is there; None for nothing."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(part, whole):
    return part / whole if part is not None and whole else None


class Figures:
    """All measurements of a run: dictionaries with kind, side, and whatever makes a case (workload, threads, seed...)."""

    def __init__(self, measurements):
        self.measurements = [m for m in measurements if m.get("started", True) and "error" not in m]

    def select(self, **wanted):
        return [m for m in self.measurements if all(m.get(key) == value for key, value in wanted.items())]

    def median(self, value, **wanted):
        """Median of value(measurement) over everything selected."""
        return median(value(m) for m in self.select(**wanted))

    def by_seed(self, value, **wanted):
        found = {}
        for m in self.select(**wanted):
            found.setdefault(m.get("seed"), []).append(value(m))
        return {seed: median(values) for seed, values in found.items()}

    def median_ratio(self, value, side, base, **wanted):
        """Median over the seeds of side's value to base's value of the same seed."""
        ours = self.by_seed(value, side=side, **wanted)
        theirs = self.by_seed(value, side=base, **wanted)
        return median(ratio(ours[seed], theirs[seed]) for seed in ours if seed in theirs)

    def sides(self, **wanted):
        found = {m["side"] for m in self.select(**wanted)}
        return [side for side in ORDER if side in found]


def cpu(m):
    return m["cpu_ns"]


def reserved_over_live(m):
    return ratio(m["peak_reserved"], m["peak_live"])


def committed_over_live(m):
    return ratio(m["peak_committed"], m["peak_live"])


def resident_over_live(m):
    return ratio(m["peak_resident"], m["peak_live"])


def trimmed_over_live(m):
    return ratio(m["trimmed"]["committed"], m["trimmed"]["live"])


def pinned_over_live(m):
    """Pages with a live block, which nobody can give back, after the load was halved."""
    return ratio(m.get("pinned"), m["trimmed"]["live"])


def halved_over_live(m):
    return ratio(m["halved"]["committed"], m["halved"]["live"])


@dataclasses.dataclass
class Check:
    """One target. `limit` is the highest good value; None as `value` means that it was not measured."""

    title: str
    limit: float
    value: float
    unit: str = ""
    note: str = ""

    @property
    def is_met(self):
        return None if self.value is None else self.value <= self.limit

    @property
    def verdict(self):
        return {None: "not measured", True: "met", False: "missed"}[self.is_met]

    def as_json(self):
        return {"title": self.title, "limit": self.limit, "value": self.value, "unit": self.unit, "note": self.note,
                "verdict": self.verdict}


def cpu_check(figures, workload, threads, limit):
    """Windows programs: the original is the stand-in of the engine, which is nothing else."""
    value = figures.median_ratio(cpu, OURS, ORIGINAL, kind="windows", workload=workload, threads=threads)
    return Check(f"{workload}, {threads} thread{'s' if threads > 1 else ''}: CPU to the original's", limit, value, "x")


def worst_check(figures, title, limit, kind, bases, counts):
    """Our CPU time to each base's, a row for a workload and its threads: the highest ratio of the rows that count."""
    rows = {(m["workload"], m["threads"]) for m in figures.select(kind=kind, side=OURS) if counts(m)}
    found = [(value, f"{base}, {workload}, {threads} threads") for workload, threads in rows for base in bases
             if (value := figures.median_ratio(cpu, OURS, base, kind=kind, workload=workload, threads=threads)) is not None]
    worst, note = max(found, default=(None, ""))
    return Check(title, limit, worst, "x", note)


def peer_check(figures, workloads, limit):
    return worst_check(figures, f"{' and '.join(workloads)}: CPU to the best peer's", limit, "session", PEERS,
                       lambda m: m["workload"] in workloads)


def exchange_check(figures, title, limit, base, bounds):
    """`bounds`: of the largest block, the lower one excluded."""
    return worst_check(figures, title, limit, "exchange", (base,), lambda m: bounds[0] < m["high"] <= bounds[1])


def worst_of_threads(figures, value, workload):
    """Highest median over the thread counts."""
    found = [(figures.median(value, kind="session", side=OURS, workload=workload, threads=threads), threads)
             for threads in sorted({m["threads"] for m in figures.select(kind="session", side=OURS, workload=workload)})]
    return max(found, default=(None, 0))


def memory_check(figures, title, limit, value):
    worst, threads = worst_of_threads(figures, value, "long")
    return Check(title, limit, worst, "x", "" if worst is None else f"worst of the thread counts: {threads}")


def halved_check(figures):
    check = memory_check(figures, "long: committed to live, load halved, given back", 1.50, trimmed_over_live)
    pinned, _ = worst_of_threads(figures, pinned_over_live, "long")
    if pinned is not None:
        check.note += f"; pages with a live block: {pinned:.2f}"
    return check


def failure_check(figures, title, **wanted):
    found = figures.select(side=OURS, **wanted)
    return Check(title, 0, max((m["failed"] for m in found), default=None), "", f"rounds: {len(found)}" if found else "")


def micro(figures, side, name):
    return figures.median(lambda m: m["ns"], kind="micro", side=side, name=name)


def owns_check(figures):
    with_test, without = micro(figures, OURS, "owns/1"), micro(figures, OURS, "owns/0")
    value = None if with_test is None or without is None else max(0.0, with_test - without)
    return Check("ownership test", 1.0, value, "ns", "loop and call taken off")


def fresh_check(figures):
    ours = figures.median(lambda m: m["ns_per_page"], kind="fresh", side=OURS)
    page_by_page = micro(figures, OURS, "commit/4096")
    note = "" if ours is None or page_by_page is None else f"{ours:.0f} against {page_by_page:.0f} ns a page"
    return Check("fresh memory: CPU to commits page by page", 0.60, ratio(ours, page_by_page), "x", note)


def growth(figures, side):
    few, many = (figures.by_seed(cpu, kind="heaps", side=side, threads=threads) for threads in (8, 64))
    return median(ratio(many[seed], few[seed]) for seed in many if seed in few)


def idle_bytes(m):
    """A region reserved before by another thread serves this one: then the committed part is what a thread takes."""
    return max(m["reserved"], m["committed"])


def checks(figures):
    idle = figures.median(idle_bytes, kind="idle", side=OURS)
    return [
        cpu_check(figures, "small", 1, 0.75),
        cpu_check(figures, "small", 4, 0.46),
        cpu_check(figures, "mix", 4, 0.66),
        cpu_check(figures, "long", 4, 0.40),
        peer_check(figures, ("small", "mix"), 1.05),
        peer_check(figures, ("long",), 1.10),
        exchange_check(figures, "exchange: CPU to rpmalloc's with live bits", 1.05, LIVE_BITS, (0, 1 << 30)),
        exchange_check(figures, "exchange, up to 1,000 bytes: CPU to rpmalloc's", 1.25, "rpmalloc", (0, 1000)),
        exchange_check(figures, "exchange, above 1,000 bytes: CPU to rpmalloc's", 1.05, "rpmalloc", (1000, 1 << 30)),
        memory_check(figures, "long: peak address space to live", 1.25, reserved_over_live),
        memory_check(figures, "long: peak committed to live", 1.25, committed_over_live),
        halved_check(figures),
        failure_check(figures, "long: failed allocations, address space limited to 1.30 of live", kind="limit", factor=1.30),
        failure_check(figures, "long: failed allocations, holes of at most 8 MB", kind="shattered"),
        Check("64-byte pair to the ideal two-call list", 2.2,
              ratio(micro(figures, OURS, "pair/64/threads:1"), micro(figures, LIST, "pair/64/threads:1")), "x"),
        owns_check(figures),
        fresh_check(figures),
        Check("CPU at 64 threads to 8 threads", 1.20, growth(figures, OURS), "x",
              " ".join(f"{side} {value:.2f}" for side in PEERS if (value := growth(figures, side)) is not None)),
        Check("memory of an idle thread", 256, None if idle is None else idle / 1024, "KB"),
    ]
