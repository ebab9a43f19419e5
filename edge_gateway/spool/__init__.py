"""What is on disk until the cloud has it: one SQLite file behind one thread, its room, its rescue."""
