"""The two kinds of expected trouble. Anything else is a bug and keeps its traceback."""


def printable(text: str) -> str:
    """A text, such as a file's name, as it can be written anywhere: what no file can hold, breaks the line or moves the
    cursor becomes "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


class CTLError(Exception):
    """Expected trouble: one clear line that names the thing and the remedy. The CLI ends with exit code 2."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(CTLError):
    """The clip, checkpoint or option that the user gave can't be used as it is."""


class NobodyFoundError(InputError):
    """A clip was looked through for people, and there is none. Whoever shows it says how a clip is named a crop."""


class HubError(CTLError):
    """A checkpoint could not be fetched from, or sent to, the Hugging Face Hub."""
