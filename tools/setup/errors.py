"""What stops set-up, said so that the reader knows what to type."""


class SetupError(Exception):
    """Something is missing and cannot be installed from here.

    Args:
        what: what is missing or failed.
        why: what needs it, or what was seen.
        command: what to type.
    """

    def __init__(self, what: str, why: str, command: str) -> None:
        super().__init__(what)
        self.what, self.why, self.command = what, why, command

    def __str__(self) -> str:
        def indented(text: str) -> str:
            return text.replace("\n", "\n           ")

        lines = [f"set-up stopped: {self.what}", f"  because  {indented(self.why)}"]
        return "\n".join([*lines, f"  type     {indented(self.command)}"])
