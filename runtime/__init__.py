"""What every process stands on: settings, life cycle, logs, retry, clock, health. Knows nothing of the plant."""
