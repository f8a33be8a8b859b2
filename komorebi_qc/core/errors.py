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
