"""The one exception a user's mistake raises."""


class InputError(ValueError):
    """What the user gave cannot be used; the message is one line.

    It says what was given (argument, value, shapes), the rule it breaks and the smallest fix. The command
    line prints that line and exits with status 2. Mistakes of this program raise something else and keep
    their traceback.

    >>> str(InputError("stride=0: a stride is at least 1;\\n  use stride=1"))
    'stride=0: a stride is at least 1; use stride=1'
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))
