"""Models as things: trained, compared, staged, released, rolled back, each with a card, a hash and a history.

    rows ──train──► file (card + state) ──add──► trained ─stage─► staged ─release─► released ─roll back─► the one before

A file is what a detector has learned, byte for byte, so whoever reads it, here or on a gateway, gets the same scores.
"""

from anomaly import AnomalyError


class UnreadableModel(AnomalyError):
    """A model file is damaged, or of a version or kind that this program does not know."""


class UnknownModel(AnomalyError):
    """No model has this id, or none of this name is released, in this tenant."""


class NotFromHere(AnomalyError):
    """The model's state does not allow the action."""
