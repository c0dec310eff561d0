"""lgviz's own tables, read by the engine that wrote them (floor 2)."""
