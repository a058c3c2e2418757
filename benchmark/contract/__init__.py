"""Rules that every method must keep, as checks that run on any file.

The tests run them on every built-in method, ``python -m benchmark check`` on a user's file.
"""
