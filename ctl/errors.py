"""The two kinds of expected trouble. Anything else is a bug and keeps its traceback."""

from collections.abc import Mapping
from enum import Enum
from importlib.util import find_spec


def printable(text: str) -> str:
    """A text, such as a file's name, as it can be written anywhere: what no file can hold, breaks the line or moves the
    cursor becomes "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


class Remedy(Enum):
    """What helps, where a command, the page and a program call it differently. Here in the words of a program."""

    SAY_CROP = 'if it shows one person cut out, say kind "crop"'
    SETTLE_CLASH = 'say on_clash "keep" or "replace"'


class CTLError(Exception):
    """Expected trouble: one clear line that names the thing and the remedy. The CLI ends with exit code 2."""

    remedy: Remedy | None = None

    def told(self, words: Mapping[Remedy, str]) -> str:
        """The line in the words of a place; a remedy that it has no words for is told in those of a program."""
        message = printable("".join(self.args))
        return message if self.remedy is None else f"{message}: {words.get(self.remedy, self.remedy.value)}."

    def __str__(self) -> str:
        return self.told({})


class InputError(CTLError):
    """The clip, checkpoint or option that the user gave can't be used as it is.

    Args:
        message: what was found and, unless there is a remedy, what to do.
        remedy: told after the message.
    """

    def __init__(self, message: str, remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class HubError(CTLError):
    """A checkpoint could not be fetched from, or sent to, the Hugging Face Hub."""


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise InputError unless something holds: "NAME must be WANTED, got VALUE"."""
    if not holds:
        raise InputError(f"{name} must be {wanted}, got {value!r}")


def require_packages(extra: str, *packages: str) -> None:
    """Raise InputError unless the packages, which an extra of this project installs, are there."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise InputError(f"this needs {' and '.join(missing)}: pip install 'ctl-video-reid[{extra}]'")
