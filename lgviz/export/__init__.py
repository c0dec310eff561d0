"""A thread as a file or an output that needs no kernel: script-free HTML, text."""
