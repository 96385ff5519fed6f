"""What the operator has to decide or repair."""


class OpsError(Exception):
    """A command cannot go on; the message says why and what to do."""
