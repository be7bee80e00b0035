"""What ./run says of a summary: the tables of build/run/report.txt, the overview, and the ten lines at the end."""

import textwrap

from summary import BASE
from tables import WIDTH, Table, factor_text, megabytes, milliseconds, number, three
from targets import KERNEL, MEMORY, SAFETY, SPEED

COMMANDS = ("GetTotalAllocations", "GetTotalFrees", "GetSavedSyscalls", "GetPatchCount", "IsMemorySystemActive",
            "GetFrontDoorCount")


def shown_side(summary):
    """The side that stands beside the base where only one can: full mode, when it was played."""
    return "full" if "full" in summary["sides"] else summary["sides"][-1]


# --- tables --------------------------------------------------------------------------------------------------------------


def overview(summary):
    """Columns and rows of one side beside the base, each column with one unit. README has the same table."""
    side = shown_side(summary)
    columns = ["scenario", f"{BASE} ms", f"{side} ms", "mean", "99th %", "calls", side, "reserved", side, "committed", side]
    rows = []
    for scenario in summary["scenarios"]:
        of_sides = [scenario["sides"][name] for name in (BASE, side)]
        load, ratios = scenario["kind"] == "load", scenario["speedup"][side]
        rows.append([scenario["title"], *(milliseconds(s["total_ns" if load else "mean_ns"]) for s in of_sides),
                     factor_text(ratios["total" if load else "mean"]), "-" if load else factor_text(ratios["p99"]),
                     *("-" if load else number(s["kernel_calls_per_step"]) for s in of_sides),
                     *(megabytes(s["peak_reserved"]) for s in of_sides),
                     *(megabytes(s["peak_committed"]) for s in of_sides)])
    return columns, rows


def overview_table(summary):
    columns, rows = overview(summary)
    table = Table(f"The plugin off and {shown_side(summary)}: memory time of a frame (of a load: in all), and how many times it "
                  "is shorter; kernel calls of a frame; MB reserved and committed at the peak", columns)
    for row in rows:
        table.add(row)
    return table.lines()


def pattern_tables(patterns, sides):
    table = Table("Patterns: us a call with the plugin off, and how many times shorter; the time includes the loop that its "
                  "callers make around it", ["pattern", "functions", "calls", BASE, *(s for s in sides if s != BASE)])
    calls = Table("Patterns: kernel calls", ["pattern", *sides])
    for pattern in patterns:
        threads = f" ({pattern['threads']} threads)" if pattern["threads"] > 1 else ""
        name = f"{pattern['pattern']} {pattern['title']}{threads}"
        table.add([name, " ".join(f["address"].removeprefix("0x00") for f in pattern["functions"]),
                   number(pattern["sides"][BASE]["calls"]), three(pattern["sides"][BASE]["ns_per_call"] / 1e3),
                   *(factor_text(pattern["speedup"][side]) for side in sides if side != BASE)])
        calls.add([name, *(number(pattern["sides"][side]["kernel_calls"]) for side in sides)])
    return table.lines() + calls.lines()


def door_tables(doors, sides):
    table = Table("Front doors: ns to allocate and free one block through 0x401000 and 0x401030", ["block, threads", *sides])
    shorter = Table("Front doors: how many times shorter", ["block, threads", *(side for side in sides if side != BASE)])
    for door in doors:
        name = f"{door['size']} bytes, {door['threads']}"
        table.add([name, *(three(door["ns_per_pair"][side]) for side in sides)])
        shorter.add([name, *(factor_text(door["speedup"][side]) for side in sides if side != BASE)])
    return table.lines() + shorter.lines()


MEASURES = (  # title, kind of scenario (None: all), key, text
    ("Memory time per frame (main thread), mean, ms", "frames", "mean_ns", milliseconds),
    ("Memory time per frame, 99th percentile, ms", "frames", "p99_ns", milliseconds),
    ("Memory time per frame, worst, ms", "frames", "worst_ns", milliseconds),
    ("Kernel calls per frame in the steady last third, all threads", "frames", "kernel_calls_per_step", number),
    ("Memory time of a load, total, ms", "load", "total_ns", milliseconds),
    ("Memory time of a load, worst step, ms", "load", "worst_ns", milliseconds),
    ("Kernel calls of a load, all threads", "load", "kernel_calls", number),
    ("Peak committed, MB", None, "peak_committed", megabytes),
    ("Peak reserved, MB", None, "peak_reserved", megabytes),
    ("Largest hole in the address space, smallest value seen, MB", None, "largest_hole", megabytes),
    ("Committed over live bytes at the end", None, "committed_per_live", lambda value: f"{value:.2f}"),
)


def scenario_tables(scenarios, sides):
    lines = []
    for title, kind, key, text in MEASURES:
        table = Table(title, ["scenario", "operations", *sides])
        for scenario in scenarios:
            if kind in (None, scenario["kind"]):
                table.add([scenario["title"], number(scenario["operations"]),
                           *(text(scenario["sides"][side][key]) for side in sides)])
        lines += table.lines()
    return lines


def stale_tables(stale, sides):
    lines = []
    for group in stale:
        table = Table(f"Freed objects that still read as before but for their first 8 bytes: {group['title']}, "
                      f"{group['low']} to {group['high']} bytes", ["after", *sides])
        for row in group["distances"]:
            table.add([f"{row['distance']} {row['unit']}", *(f"{row['readable'][side]:.0%}" for side in sides)])
        lines += table.lines()
    return lines


def freed_table(freed, sides):
    table = Table("Memory freed at one time: blocks that cannot be read any more", ["freed", "blocks", "looked at", *sides])
    for entry in freed:
        for moment, shares in entry["faults"].items():
            table.add([f"{entry['megabytes']} MB", f"{entry['low'] // 1024} to {entry['high'] // 1024} KB",
                       moment.replace("_", " "), *(f"{shares[side]:.0%}" for side in sides)])
    return table.lines()


def target_tables(targets, side):
    table = Table("Targets", ["target", "wanted", "measured", "met"], left=4)
    for target in targets:
        table.add([target["target"], target["wanted"], target["measured"], "yes" if target["met"] else "NO"])
    why = Table("Why, as far as it is known (docs/results.md)", ["missed", "how often", "because"], left=3)
    for kind, missed, of_kind, reason in missed_kinds(targets, side):
        why.add([kind, f"{missed} of {of_kind}", reason])
    return table.lines() + why.lines()


def console(answers):
    lines = [f"  > {line}" for command in COMMANDS for line in answers[command]["console"]]
    return ["Console of the game, last run:", *(part for line in lines for part in textwrap.wrap(
        line, WIDTH, initial_indent="  ", subsequent_indent="    ")), ""]


def full_report(summary):
    """Every table, as lines of at most WIDTH characters."""
    sides = summary["sides"]
    return [*overview_table(summary), *pattern_tables(summary["patterns"], sides), *door_tables(summary["doors"], sides),
            *scenario_tables(summary["scenarios"], sides), *stale_tables(summary["stale"], sides),
            *freed_table(summary["freed"], sides), *target_tables(summary["targets"], shown_side(summary)), *console(summary["console"]),
            *ten_lines(summary)]


# --- the ten lines -------------------------------------------------------------------------------------------------------


def span(values, text):
    """"2.1x to 3.0x", or one value when all read the same."""
    low, high = text(min(values)), text(max(values))
    return low if low == high else f"{low} to {high}"


def speed_line(summary, side):
    parts = []
    for kind, key, name in (("frames", "mean", "memory time of a frame"), ("load", "total", "of a load")):
        ratios = [s["speedup"][side][key] for s in summary["scenarios"] if s["kind"] == kind]
        if ratios:
            parts.append(f"{name} {span(ratios, factor_text)} shorter")
    return ", ".join(parts) or "no scenario was played"


def kernel_line(summary, side):
    frames = [s["sides"] for s in summary["scenarios"] if s["kind"] == "frames"]
    calls = {name: [s[name]["kernel_calls_per_step"] for s in frames] for name in (BASE, side)}
    if not frames:
        return "no frames were played"
    return f"{span(calls[side], number)} a frame, {span(calls[BASE], number)} with the plugin off"


def memory_line(summary, side):
    shares = {key: [s["sides"][side][key] / s["sides"][BASE][key] for s in summary["scenarios"]]
              for key in ("peak_reserved", "peak_committed")}
    if not summary["scenarios"]:
        return "no scenario was played"
    reserved, committed = (span(values, "{:.0%}".format) for values in shares.values())
    return f"peak reserved {reserved}, committed {committed} of the same with the plugin off"


def missed_kinds(targets, side):
    """The kinds of targets that were missed, those of `side` first, by their number: (name, missed, of how many, why)."""
    missed = [target for target in targets if not target["met"]]
    kinds = [target["kind"] for target in missed]
    return [(kind, kinds.count(kind), sum(target["kind"] == kind for target in targets),
             next(target["why"] for target in missed if target["kind"] == kind))
            for kind in sorted(dict.fromkeys(kinds), reverse=True,
                               key=lambda kind: (kind.startswith(f"{side},"), kinds.count(kind)))]


def target_line(targets, side, width):
    """How many targets were met; the kinds that were missed, as many as fit, and the reason of the first. Kinds of `side`,
    which the line before names, come first and without its name."""
    if not targets:
        return "no target was measured"
    if not (kinds := missed_kinds(targets, side)):
        return f"all targets met ({len(targets)})"
    kinds = [(kind.removeprefix(f"{side}, "), *rest) for kind, *rest in kinds]
    kind, missed, of_kind, why = kinds[0]
    line = f"missed {sum(k[1] for k in kinds)} of {len(targets)}: {kind} {missed} of {of_kind} ({why})"
    for kind, missed, of_kind, _ in kinds[1:]:
        if len(more := f"{line}; {kind} {missed} of {of_kind}") + len("; ...") > width:
            return line + "; ..."
        line = more
    return line


def ten_lines(summary):
    """What a reader should have seen, each line at most WIDTH characters. The last three are the game's own answers and the
    page of charts."""
    side = shown_side(summary)

    def targets(theme, used=2):
        return target_line([target for target in summary["targets"] if target["theme"] == theme], side,
                           WIDTH - used)

    damage = f"No damaged block in {summary['runs']} runs; of freed memory "
    return [f"Speed, {side}: {speed_line(summary, side)}", f"  {targets(SPEED)}",
            f"Kernel calls, {side}: {kernel_line(summary, side)}", f"  {targets(KERNEL)}",
            f"Memory, {side}: {memory_line(summary, side)}", f"  {targets(MEMORY)}",
            damage + targets(SAFETY, len(damage)),
            f"patch count {summary['patch_count']}", f"active {summary['active']}", f"report: {summary['report']}"]
