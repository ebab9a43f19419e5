"""What silences an alarm by design: a planned stop, a machine above that has stopped, a pattern called false.

    case ──find──► nothing: it is told            planned stop over, parent returned, pattern revoked ──► told now
              └──► reason: stored, asks nobody

An alarm that is critical is never silenced by any of them.
"""
