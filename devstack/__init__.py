"""The local default: every service Tapeline talks to, on loopback, from pip packages alone."""
