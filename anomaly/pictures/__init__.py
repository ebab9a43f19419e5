"""Evidence as a picture, drawn from the frozen snapshot and from nothing else: readable when the raw data is gone.

snapshot + sha256 ──read──► rows of tags over time, curves over anything else ──matplotlib (Agg)──► PNG, SVG
"""

from anomaly.pictures.draw import VERSION, draw

__all__ = ["VERSION", "draw"]
