"""What people are told when a pairing cannot do what they ask."""


class PairingError(Exception):
    """It cannot be: a sentence for the user."""


class InvitationError(PairingError):
    """The link lets nobody in (any more): a sentence for whoever opened it."""
