"""What can go wrong with the development issuer."""


class LocalIdentityError(Exception):
    """The development issuer cannot do what was asked; the message says why and what to do."""
