"""What stops a command of the local stack."""


class StackError(Exception):
    """The command cannot go on; the message is for the person at the keyboard and says what to do."""
