"""Tables, charts and the measured part of docs/performance.md from the figures of a run."""

import pathlib

from figures import (BOUND, LIST, OURS, committed_over_live, cpu, halved_over_live, median, micro,
                     pinned_over_live, reserved_over_live, resident_over_live, trimmed_over_live)

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NAMES = {"mp": "**ours**", "bound": "lower bound",
         "list": "ideal list", "process_heap": "HeapAlloc", "rpmalloc": "rpmalloc 1.4.5", "mimalloc": "mimalloc 2.0.9",
         "live_bits": "rpmalloc + live bits", "jemalloc": "jemalloc 5.3.0", "glibc": "glibc"}
MEGABYTE = 1 << 20


def name(side):
    return NAMES.get(side, side)


def text(value, digits=2):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if isinstance(value, float) else f"{value:,}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cases(figures, *keys, **wanted):
    """The different values of the keys, in the order in which they were measured."""
    return list(dict.fromkeys(tuple(m[key] for key in keys) for m in figures.select(**wanted)))


# --- tables ----------------------------------------------------------------------------------------------------------


def check_table(results):
    rows = [(check["title"], text(check["limit"]), text(check["value"]), check["unit"], check["verdict"], check["note"])
            for check in results["checks"]]
    return table(("Target", "At most", "Measured", "", "", ""), rows)


def ratio_table(figures, kind, keys):
    """CPU per operation: ours in ns, all others as a ratio to it."""
    columns = cases(figures, *keys, kind=kind)
    wanted = [{"kind": kind, **dict(zip(keys, case))} for case in columns]
    head = ["Side"] + [f"{case[0]}, {case[1]} T" if len(case) > 1 else case[0] for case in columns]
    rows = [["**ours**, ns"] + [text(figures.median(cpu, side=OURS, **w), 0) for w in wanted]]
    for side in figures.sides(kind=kind):
        if side != OURS:
            rows.append([name(side)] + [text(figures.median_ratio(cpu, side, OURS, **w)) for w in wanted])
    return table(head, rows)


def memory_table(figures, workload, threads):
    wanted = {"kind": "session", "workload": workload, "threads": threads}
    values = (reserved_over_live, committed_over_live, resident_over_live, halved_over_live, trimmed_over_live,
              pinned_over_live)
    rows = []
    for side in figures.sides(**wanted):
        case = {**wanted, "side": side}
        faults = figures.median(lambda m: m["page_faults"], **case)
        rows.append([name(side)] + [text(figures.median(value, **case)) for value in values]
                    + [text(figures.median(lambda m: m["main_cpu"]["worst"] / 1e6, **case), 1),
                       text(figures.median(lambda m: m["main_cpu"]["p99"] / 1e6, **case), 1), text(faults, 0)])
    live = figures.median(lambda m: m["peak_live"], **wanted)
    return f"`{workload}`, {threads} threads, peak live {text((live or 0) / MEGABYTE, 0)} MB\n\n" + table(
        ("Side", "Address space / live", "Committed / live", "Resident / live", "Load halved: committed / live",
         "Then given back", "Pages with a live block", "Worst frame, ms", "99 % frame, ms", "Page faults"), rows)


def failure_table(figures):
    factors = sorted({m["factor"] for m in figures.select(kind="limit")})
    head = ["Side"] + [f"{factor:.2f} of live" for factor in factors] + ["Holes of at most 8 MB"]
    rows = []
    for side in figures.sides(kind="limit"):
        failed = [figures.median(lambda m: m["failed"], kind="limit", side=side, factor=factor) for factor in factors]
        failed.append(figures.median(lambda m: m["failed"], kind="shattered", side=side))
        rows.append([name(side)] + [text(value, 0) for value in failed])
    return table(head, rows)


def micro_table(figures, kind="micro"):
    names = [case[0] for case in cases(figures, "name", kind=kind) if case[0].startswith("pair/")]
    sides = figures.sides(kind=kind)
    rows = [[entry.removeprefix("pair/").replace("/threads:", " B, ") + " T"]
            + [text(figures.median(lambda m: m["ns"], kind=kind, side=side, name=entry), 1) for side in sides]
            for entry in names]
    return table([f"malloc + free, {'CPU ' if kind == 'micro' else ''}ns"] + [name(side) for side in sides], rows)


def remote_table(figures):
    sides = figures.sides(kind="remote")
    rows = [[f"{size} B, {threads} T"]
            + [text(figures.median(lambda m: m["ns"], kind="remote", side=side, size=size, threads=threads), 1)
               for side in sides] for size, threads in cases(figures, "size", "threads", kind="remote")]
    return table(["freed by another thread, CPU ns"] + [name(side) for side in sides], rows)


def instructions_per_pair(figures, side, mode, size):
    """Slope between two lengths, less the empty loop's."""
    def slope(which, how):
        found = sorted((m["count"], m["instructions"]) for m in figures.select(
            kind="instructions", side=which, mode=how, size=size) if m.get("instructions"))
        if len(found) < 2:
            return None
        (few, low), (many, high) = found[0], found[-1]
        return (high - low) / (many - few)

    whole, empty = slope(side, mode), slope(OURS, "empty")
    return None if whole is None else whole - (empty or 0.0)


def instruction_table(figures):
    columns = cases(figures, "size", "mode", kind="instructions")
    columns = [case for case in columns if case[1] != "empty"]
    rows = [[name(side)] + [text(instructions_per_pair(figures, side, mode, size), 0) for size, mode in columns]
            for side in figures.sides(kind="instructions")]
    return table(["Instructions a pair"] + [f"{size} B, {mode}" for size, mode in columns], rows)


def page_table(figures):
    rows = [[f"commit in steps of {step // 1024} KB, write", text(micro(figures, OURS, f"commit/{step}"), 0)]
            for step in (4096, 65536, 262144, 1048576)]
    rows += [[f"fresh blocks of 1 KB from {name(side)}, written",
              text(figures.median(lambda m: m["ns_per_page"], kind="fresh", side=side), 0)]
             for side in figures.sides(kind="fresh")]
    return table(("What", "CPU ns a page of 4 KB"), rows)


def thread_table(figures):
    counts = [case[0] for case in cases(figures, "threads", kind="heaps")]
    rows = []
    for side in figures.sides(kind="heaps"):
        rows.append([name(side)] + [text(figures.median(cpu, kind="heaps", side=side, threads=n), 0) for n in counts]
                    + [text((figures.median(lambda m: max(m["reserved"], m["committed"]), kind="idle", side=side) or 0)
                            / 1024, 0)])
    return table(["CPU ns per operation"] + [f"{n} threads" for n in counts] + ["KB per idle thread"], rows)


def windows_table(figures):
    columns = cases(figures, "workload", "threads", kind="windows")
    sides = figures.sides(kind="windows")
    rows = [[f"{workload}, {threads} T"]
            + [text(figures.median(cpu, kind="windows", side=side, workload=workload, threads=threads), 0)
               for side in sides] for workload, threads in columns]
    return table(["CPU ns per operation"] + [name(side) for side in sides], rows)


def section(title, explanation, body):
    return f"### {title}\n\n{explanation}\n\n{body}\n"


def tables(figures, results):
    """The whole text; a part that was not measured is left out."""
    machine = results["machine"]
    extent = "a quick look, not for numbers" if results["quick"] else f"{results['seeds']} round{'' if results['seeds'] == 1 else 's'}"
    parts = [f"Measured {results['date']} on {machine['processors']} processors ({machine['processor']}), "
             f"{machine['system']}, {machine['bits']}-bit programs, load {machine['load_at_start']:.1f} at the start; {extent}, {results['minutes']} min.\n",
             section("Targets", "CPU ratios are medians, over the rounds, of ratios within one round.",
                     check_table(results))]
    if figures.select(kind="session"):
        parts.append(section("Sessions", "CPU time per operation, kernel included, as a ratio to ours "
                             "(above 1: more than ours). T: threads.", ratio_table(figures, "session", ("workload", "threads"))))
        counts = sorted({m["threads"] for m in figures.select(kind="session", workload="long")})
        parts.append(section("Memory", "Peaks over the peak of live bytes. The worst frame is the main thread's CPU time.",
                             "\n".join(memory_table(figures, "long", threads) for threads in counts)))
    if figures.select(kind="exchange"):
        parts.append(section("Exchange", "CPU time of an allocation or a free as a ratio to ours (above 1: more than ours).",
                             ratio_table(figures, "exchange", ("workload", "threads"))))
    if figures.select(kind="limit"):
        parts.append(section("Scarce address space", "Failed allocations, median of the rounds: address space limited to a "
                             "multiple of the live peak, and cut into holes.", failure_table(figures)))
    if figures.select(kind="scenario"):
        parts.append(section("Scenarios of the stand-in", "CPU time per operation as a ratio to ours.",
                             ratio_table(figures, "scenario", ("workload",))))
    if figures.select(kind="micro"):
        parts.append(section("Single calls", "T: threads that do this at the same time.", micro_table(figures)))
        parts.append(section("Fresh memory", "Pages of the system committed in steps, and blocks of an allocator.", page_table(figures)))
    if figures.select(kind="remote"):
        parts.append(section("Freed by another thread", "A malloc with its free.", remote_table(figures)))
    if figures.select(kind="instructions"):
        parts.append(section("Instructions", "Counted by callgrind, loop taken off; batch: a thousand blocks (or 8 MB) at a "
                             "time.", instruction_table(figures)))
    if figures.select(kind="heaps"):
        parts.append(section("Many threads", "The same work shared by more threads.", thread_table(figures)))
    if figures.select(kind="windows"):
        parts.append(section("Windows programs", "32-bit, under Wine; CPU time of the process for sessions, the clock's for single "
                             "calls.", windows_table(figures)))
        parts.append(micro_table(figures, "windows_micro"))
    if results["problems"]:
        parts.append(section("Problems", "What did not end as it should; a peer's failure is a result.", "\n".join(f"* {problem}" for problem in results["problems"]) + "\n"))
    return "\n".join(parts)


def summary(results):
    """For the terminal: one line a target."""
    width = max(len(check["title"]) for check in results["checks"])
    return "\n".join(f"{check['verdict']:>12}  {check['title']:<{width}}  {text(check['value'])} (at most "
                     f"{text(check['limit'])}) {check['unit']} {check['note']}".rstrip() for check in results["checks"])


def update_document(path, measured):
    """Replaces what stands between the markers; without markers the document is left alone."""
    document = pathlib.Path(path).read_text(encoding="utf-8")
    if BEGIN not in document or END not in document:
        return False
    before, rest = document.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    pathlib.Path(path).write_text(f"{before}{BEGIN}\n{measured}\n{END}{after}", encoding="utf-8")
    return True


# --- charts ----------------------------------------------------------------------------------------------------------


def new_chart(pygal, kind, title, unit, **settings):
    """No script: pygal's tooltips would come from the network."""
    chart = getattr(pygal, kind)(js=(), legend_at_bottom=True, pretty_print=True, width=1000, height=520, **settings)
    chart.title, chart.y_title = title, unit
    return chart


def plain(side):
    return name(side).replace("*", "")


def rounded(value):
    return None if value is None else round(value, 3)


def session_chart(pygal, figures):
    columns = sorted(cases(figures, "workload", "threads", kind="session"))
    chart = new_chart(pygal, "Bar", "CPU per operation, to ours (lower is better)", "ratio")
    chart.x_labels = [f"{workload}, {threads} T" for workload, threads in columns]
    for side in figures.sides(kind="session"):
        if side != OURS:
            chart.add(plain(side), [rounded(figures.median_ratio(cpu, side, OURS, kind="session", workload=w, threads=t))
                                    for w, t in columns])
    return chart


def memory_chart(pygal, figures):
    threads = median([m["threads"] for m in figures.select(kind="session", workload="long")])
    wanted = {"kind": "session", "workload": "long", "threads": 4 if figures.select(threads=4) else threads}
    chart = new_chart(pygal, "HorizontalBar", "Long session: memory over live bytes (lower is better)", "")
    sides = figures.sides(**wanted)
    chart.x_labels = [plain(side) for side in sides]
    for title, value in (("address space", reserved_over_live), ("committed", committed_over_live),
                         ("load halved, given back", trimmed_over_live)):
        chart.add(title, [rounded(figures.median(value, side=side, **wanted)) for side in sides])
    return chart


def pair_chart(pygal, figures):
    sizes = sorted({int(case[0].split("/")[1]) for case in cases(figures, "name", kind="micro")
                    if case[0].startswith("pair/")})
    chart = new_chart(pygal, "Line", "malloc + free, one thread (lower is better)", "CPU ns", logarithmic=True)
    chart.x_labels = [f"{size} B" if size < 1024 else f"{size // 1024} KB" for size in sizes]
    for side in figures.sides(kind="micro"):
        if side != LIST:
            chart.add(plain(side), [rounded(micro(figures, side, f"pair/{size}/threads:1")) for size in sizes])
    return chart


def scenario_chart(pygal, figures):
    names = [case[0] for case in cases(figures, "workload", kind="scenario")]
    chart = new_chart(pygal, "Bar", "Scenarios of the stand-in: CPU per operation, to ours", "ratio",
                      x_label_rotation=20)
    chart.x_labels = names
    for side in figures.sides(kind="scenario"):
        if side != OURS:
            chart.add(plain(side),
                      [rounded(figures.median_ratio(cpu, side, OURS, kind="scenario", workload=n)) for n in names])
    return chart


def failure_chart(pygal, figures):
    factors = sorted({m["factor"] for m in figures.select(kind="limit")})
    chart = new_chart(pygal, "Bar", "Failed allocations with little address space (lower is better)", "failures + 1",
                      logarithmic=True)
    chart.x_labels = [f"{factor:.2f} of live" for factor in factors]
    for side in figures.sides(kind="limit"):
        if side != BOUND:
            chart.add(plain(side), [rounded(1 + (figures.median(lambda m: m["failed"], kind="limit", side=side, factor=f)
                                                 or 0)) for f in factors])
    return chart


CHARTS = {"sessions": ("session", session_chart), "memory": ("session", memory_chart), "pairs": ("micro", pair_chart),
          "scenarios": ("scenario", scenario_chart), "limits": ("limit", failure_chart)}


def draw(figures, folder):
    """Writes an SVG for each chart that has data; their number. None are drawn without pygal."""
    try:
        import pygal
    except ImportError:
        print("[bench] no charts: python3-pygal is not installed for this interpreter")
        return 0
    drawn = 0
    for file, (kind, chart) in CHARTS.items():
        if figures.select(kind=kind):
            chart(pygal, figures).render_to_file(str(folder / f"{file}.svg"))
            drawn += 1
    return drawn
