"""What can be wrong with a request or a build, each told in a sentence for the user."""


class BuildError(Exception):
    """The build cannot be had, or did not work; a sentence without secrets."""


class RequestError(BuildError):
    """What was asked for is refused before anything is run."""


class GitError(BuildError):
    """Git could not do its part."""


class ToolchainError(BuildError):
    """No fitting Go is here."""


class ArtifactError(BuildError):
    """A file is not what it should be, or cannot be stored."""
