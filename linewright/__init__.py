"""The command: composes the rooms of the house into processes. Nothing imports it."""

__version__ = "0.1.0"


class LinewrightError(Exception):
    """Root of everything this package raises; the text says what to do."""
