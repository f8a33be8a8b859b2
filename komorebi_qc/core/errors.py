"""What can go wrong, as classes: each says whether trying again can help, and its sentence says what to do.

A `PermanentError` fails in the same way however often it is tried; a `PassingError` may succeed later.
Nothing else derives from `KomorebiError`: whoever catches the two has caught all that is foreseen.
"""


class KomorebiError(Exception):
    """A foreseen failure. Its text is one sentence for a person: what, where, and what to do."""


class PermanentError(KomorebiError):
    """Trying again can't help: the input, or the order, has to change."""


class PassingError(KomorebiError):
    """Trying again later may help: something isn't there yet, or didn't answer."""


class InputError(PermanentError):
    """An argument or a file that can't be used as it is."""


class MediaError(InputError):
    """A file that isn't the media it should be: empty, not media, without video, or undecodable."""


class MessageError(InputError):
    """A message, or an ID in it, that can't be used."""


class UnknownRecordingError(PermanentError):
    """No item in the table, or an item that lacks what the keys are made of."""


class WrongPairError(PermanentError):
    """The call's audio and the recording belong to different calls: joining them would show one to the other."""


class MissingMediaError(PermanentError):
    """An object that isn't in its bucket and won't come any more."""


class NotThereYetError(PassingError):
    """An object that is usually written a little later than the message."""


class StorageError(PassingError):
    """A store didn't answer, or answered with an error of its own."""


class OutOfTimeError(PassingError):
    """The time that was given ran out before the work was done; it was stopped and tidied up."""


class DoesNotFitError(PermanentError):
    """An input that is larger than what is there to process it with."""


class AccessDeniedError(PermanentError):
    """A store refuses: the credentials or the policy lack a right, or a bucket or table doesn't exist."""


class SettingsError(InputError):
    """A setting that is missing, or can't be read."""


_PACKAGES = {"PIL": "pillow", "flask_cors": "flask-cors"}
"""The names of packages that differ from the name to import."""


def missing_extra(extra: str, library: str, *, needed_by: str = "") -> InputError:
    """The error for a library that isn't installed, with the lines that install it.

    Args:
        extra: the package's extra that brings the library, such as ``desk``.
        library: the module that can't be imported, such as ``papermill``.
        needed_by: what needs it, such as "an audit".

    Examples:
        >>> print(str(missing_extra("desk", "papermill.execute", needed_by="an audit")).partition(":")[0])
        an audit needs papermill, which isn't installed; install it with
    """
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  only a failed run needs it

    try:
        number = version("komorebi-qc")
    except PackageNotFoundError:  # a copied folder, as in the function's image
        number = "VERSION"
    name = library.partition(".")[0]
    name = _PACKAGES.get(name, name)
    lacks = f"{needed_by} needs {name}, which isn't installed" if needed_by else f"{name} isn't installed"
    return InputError(
        f'{lacks}; install it with: pip install -e ".[{extra}]" (in a checkout), '
        f'or pip install "komorebi_qc-{number}-py3-none-any.whl[{extra}]" (from the wheel)'
    )
