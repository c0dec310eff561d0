from __future__ import annotations
def diff_page(diff): return "x"
