"""From what was read to what is reported: derived tags, windows, deadband, pace. A pure core (`shape`) and a thin shell."""
