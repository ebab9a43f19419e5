"""From what was read to what is reported: derived tags, windows, deadband, pace. Pure but for `shaper`."""
