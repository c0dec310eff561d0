"""lgviz: see, understand and rewrite what a LangGraph agent remembers."""
