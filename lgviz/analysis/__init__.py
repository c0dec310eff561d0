"""The read model of a thread: its tree, states, diffs and search; it acts on nothing (floor 3)."""
