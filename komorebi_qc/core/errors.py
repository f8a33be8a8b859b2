"""The tree of errors: each class shows whether a retry can help, and its sentence what to do.

A `PermanentError` fails the same way on every retry. A `PassingError` may succeed later. Nothing else derives from
`KomorebiError`, so catching these two catches every expected failure.
"""


class KomorebiError(Exception):
    """An expected failure. Its text is one sentence for a person: the file, the fault, and the remedy."""


class PermanentError(KomorebiError):
    """Retrying won't help: the input or the request has to change."""


class PassingError(KomorebiError):
    """A retry may succeed: something isn't there yet, or didn't answer."""


class InputError(PermanentError):
    """An argument or a file that can't be used as it is."""


class MediaError(InputError):
    """A file that isn't the expected media: empty, not media, without video, or undecodable."""


class MessageError(InputError):
    """A message, or an ID in it, that can't be used."""


class UnknownRecordingError(PermanentError):
    """The table has no item, or the item lacks attributes that the keys need."""


class WrongPairError(PermanentError):
    """The call audio and the recording belong to different calls. Joining them would expose one customer's call."""


class HeldError(PermanentError):
    """Nothing confirms that the call audio and the recording belong together. The operator decides whether to publish.

    Attributes:
        reason: why nothing confirms it, in a few words.
        candidates: offsets in seconds that the evidence allows, the most probable first, with their probabilities.
    """

    def __init__(self, text: str, reason: str = "", candidates: tuple[tuple[float, float], ...] = ()) -> None:
        super().__init__(text)
        self.reason, self.candidates = reason, candidates


class MaskError(PermanentError):
    """A part of the call that was not to be recorded is known, and can't be masked. Publishing would disclose it."""


class AnalysisError(InputError):
    """Contact Lens' analysis of the call can't be used, so nobody knows the redactions. Publishing may disclose one."""


NOTHING_PUBLISHED = ". Nothing was published"
"""In the text of a refused pair: the reason is before it, and the remedies of a run follow."""


def refusal_reason(text: str) -> str:
    """Why a pair was refused, without the words that only fit a run that publishes."""
    return text.partition(NOTHING_PUBLISHED)[0]


class MissingMediaError(PermanentError):
    """An object that isn't in its bucket and won't arrive any more."""


class NotThereYetError(PassingError):
    """An object that usually arrives a little later than the message."""


class StorageError(PassingError):
    """A store didn't answer, or answered with an error of its own."""


class ConcurrentRunError(PassingError):
    """Another run of the same recording published at the same time. A retry finds its results, or makes its own."""


class OutOfTimeError(PassingError):
    """The time limit passed before the work was done. The work was stopped and cleaned up."""


class KilledError(PassingError):
    """The process that worked on a recording was ended: it used too much memory or time, or crashed."""


class DoesNotFitError(PermanentError):
    """An input that is too large for the available memory or disk."""


class AccessDeniedError(PermanentError):
    """A store refuses access: the credentials or the policy lack a right, or a bucket or table doesn't exist."""


class SettingsError(InputError):
    """A setting that is missing or invalid."""


_PACKAGES = {"PIL": "pillow", "flask_cors": "flask-cors"}
"""The names of packages that differ from the name to import."""


def missing_extra(extra: str, library: str, *, needed_by: str = "") -> InputError:
    """The error for a library that isn't installed, with the lines that install it.

    Args:
        extra: the package's extra that brings the library, such as ``desk``.
        library: the module that can't be imported, such as ``papermill``.
        needed_by: the feature that needs it, such as "an audit".

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
