"""Plain text tables and numbers for people."""

import textwrap

WIDTH = 100  # no line of a report is longer
WIDEST_CELL = 32
GAP = "  "


class Table:
    """Columns as wide as their contents, the first `left` of them left-aligned, the others right-aligned. Long cells are
    wrapped; columns that do not fit beside each other go into a further table with the same first column."""

    def __init__(self, title, columns, left=1):
        self.title = title
        self.left = left
        self.rows = [columns]

    def add(self, row):
        self.rows.append(row)

    def lines(self):
        """None when there is no row; a blank line ends each table."""
        if len(self.rows) == 1:
            return []
        rows = [[textwrap.wrap(cell, WIDEST_CELL) or [""] for cell in row] for row in self.rows]
        widths = [max(len(part) for row in rows for part in row[i]) for i in range(len(rows[0]))]
        rows.insert(1, [["-" * width] for width in widths])
        lines = textwrap.wrap(self.title, WIDTH)
        for columns in fitting(widths):
            for row in rows:
                height = max(len(row[i]) for i in columns)
                lines += [self._line(columns, widths, [cell[part] if part < len(cell) else "" for cell in row])
                          for part in range(height)]
            lines.append("")
        return lines

    def _line(self, columns, widths, cells):
        aligned = [cells[i].ljust(widths[i]) if i < self.left else cells[i].rjust(widths[i]) for i in columns]
        return (GAP + GAP.join(aligned)).rstrip()


def fitting(widths):
    """The numbers of the columns that stand beside each other, the first one in each group."""
    groups, used = [[0]], len(GAP) + widths[0]
    for column, width in list(enumerate(widths))[1:]:
        if used + len(GAP) + width > WIDTH and len(groups[-1]) > 1:
            groups.append([0])
            used = len(GAP) + widths[0]
        groups[-1].append(column)
        used += len(GAP) + width
    return groups


def number(value):
    if isinstance(value, float) and value != int(value):
        return f"{value:,.2f}"
    return f"{int(value):,}"


def three(value):
    """With three digits, and no fraction from 100 on."""
    return f"{value:,.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"


def milliseconds(nanoseconds):
    return three(nanoseconds / 1e6)


def megabytes(value):
    return f"{value / (1024 * 1024):,.0f}"


def factor_text(value):
    return "-" if value is None else f"{value:.1f}x"
