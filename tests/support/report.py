"""The table that a run of the benchmarks prints."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Figure", "Report"]


@dataclass(frozen=True)
class Figure:
    """One measured figure; ``met`` is None where it has no budget and only explains another."""

    what: str
    measured: str
    budget: str = ""
    met: bool | None = None


@dataclass
class Report:
    """Figures in the order they were measured."""

    figures: list[Figure] = field(default_factory=list)

    def note(self, what: str, measured: str) -> None:
        """Add a figure without a budget."""
        self.figures.append(Figure(what, measured))

    def hold(self, what: str, value: float, budget: float, form: str, measured: str | None = None) -> None:
        """Add a figure that must not be above its budget, and fail the test where it is.

        Args:
            form: how both are written, such as ``"{:.0f} ms"``.
            measured: what to print instead of the value in that form.
        """
        met = value <= budget
        self.figures.append(Figure(what, measured or form.format(value), form.format(budget), met))
        assert met, f"{what}: {measured or form.format(value)}, budget {form.format(budget)}"

    def __str__(self) -> str:
        rows = [("figure", "budget", "measured", "")]
        words = {True: "pass", False: "FAIL", None: ""}
        rows += [(f.what, f.budget, f.measured, words[f.met]) for f in self.figures]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        lines.insert(1, "  ".join("─" * width for width in widths))
        return "\n".join(line.rstrip() for line in lines)
