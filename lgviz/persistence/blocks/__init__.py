"""Values as immutable nodes, shared by all that hold them."""
