"""Values as immutable blocks, addressed by their hashes and shared by all that hold them."""
