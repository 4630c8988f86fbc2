"""The HTTP side: takes requests, shows them to who made them."""
