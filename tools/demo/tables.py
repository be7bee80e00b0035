"""Plain text tables and numbers for people."""


class Table:
    """Columns as wide as their contents; the first one left-aligned, the others right-aligned."""

    def __init__(self, title, columns):
        self.title = title
        self.rows = [columns]

    def add(self, row):
        self.rows.append(row)

    def print(self):
        if len(self.rows) == 1:
            return
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        print(self.title)
        for index, row in enumerate(self.rows):
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  " + "  ".join(cells))
            if index == 0:
                print("  " + "  ".join("-" * width for width in widths))
        print()


def number(value):
    if isinstance(value, float) and value != int(value):
        return f"{value:,.2f}"
    return f"{int(value):,}"


def time_text(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.2f} {unit}"
    return f"{nanoseconds:.1f} ns"


def bytes_text(value):
    return f"{value / (1024 * 1024):,.0f} MB"


def factor_text(value):
    return "-" if value is None else f"{value:.1f}x"
