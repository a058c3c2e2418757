"""What every method must keep, whatever it computes, as checks that run on any file.

The tests run them on every built-in method, ``python -m benchmark check`` on one of a user's own.
"""
