"""When each tag is read and what becomes of a device that goes silent: schedule (pure), ticker, pollers."""
