"""Market data replay: a loopback server that answers Yahoo's chart API from recorded prices."""
