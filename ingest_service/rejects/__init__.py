"""What could not be stored, looked at and tried again: dead letters (whole payloads) and quarantine (single samples).

telemetry.dead_letter ──► letters: list, show ──► replay: the ordinary way in, and a mark in the same transaction
"""
