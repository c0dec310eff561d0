"""lgviz from its built wheel, in the hosts of widgets; run by `make hosts`."""
