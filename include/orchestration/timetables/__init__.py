"""Timetables of our own; plugins/timetables_plugin.py registers them."""
