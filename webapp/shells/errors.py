"""What a person can do wrong with terminals."""


class ShellError(Exception):
    """What was asked for cannot be; a sentence for the person."""
