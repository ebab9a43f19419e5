"""In which mode a machine works: off, idle, loaded, product A or B. What is normal depends on it.

Rows ──learn──► levels of the tags that have clear ones ──► modes: the combinations that come back
Rows ──update──► mode [n] of every row, -1 while starting up, changing over, or never seen before,
                                      32 while it stands though it never did, or hardly ever, while it was learned

A machine is believed to have ONE mode unless its rows say otherwise: a clear valley between the levels of a tag,
levels that are held, and levels that are left and come back.
"""

from anomaly.modes.modes import STANDING, UNKNOWN, Modes

__all__ = ["STANDING", "UNKNOWN", "Modes"]
