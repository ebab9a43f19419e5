"""Whose time a sample carries: the timeline (pure), the machine's clocks, and samples whose time is in doubt."""
