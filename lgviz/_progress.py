"""The bar that says how far long work is (floor 0)."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm

__all__ = ["Bar"]

_IN_NOTEBOOK = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
_VIEW = "application/vnd.jupyter.widget-view+json"


class Bar(tqdm):  # type: ignore[type-arg]
    """tqdm's bar, with the same options: a line in a terminal, a widget in a notebook.

    In a notebook tqdm leaves the widget of a bar that is over in the cell's output; after a reload, when the
    widget is gone, an error stands there. This one leaves its last line as text, or,
    with ``leave=False``, nothing.

    >>> list(Bar("ab", disable=True))
    ['a', 'b']
    """

    container: Any
    """The widget, in a notebook."""
    _output: Any = None
    """The cell's output that shows the widget; None: not shown yet, over, or in a terminal."""

    def __init__(self, *args: Any, **options: Any) -> None:
        if _IN_NOTEBOOK:
            options["display"] = False  # it is shown here, as an output that can be changed
        super().__init__(*args, **options)
        if _IN_NOTEBOOK and not self.disable and not self.delay:
            self._show()

    def display(self, *args: Any, check_delay: bool = True, **options: Any) -> Any:
        """Draw it anew; after ``delay`` seconds for the first time."""
        if not _IN_NOTEBOOK:
            return super().display(*args, **options)
        drawn = super().display(*args, check_delay=False, **options)  # type: ignore[call-arg]
        if check_delay and self._output is None:
            self._show()
        return drawn

    def close(self) -> None:
        """End it."""
        super().close()
        output, self._output = self._output, None
        if output is not None:
            self.container.close()
            output.update({"text/plain": str(self)} if self.leave else {}, raw=True)

    def _show(self) -> None:
        from IPython.display import display

        # Without the text that stands for a widget: nbval, which knows no changed outputs, would compare it.
        view = {_VIEW: self.container._repr_mimebundle_()[_VIEW]}
        self._output = display(view, raw=True, display_id=True)
