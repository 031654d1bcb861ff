"""What we or the machine do wrong. What the model or the experiment does wrong is a value, never one of these.

AIScientistError
├── UsageError            bad input of the user: a flag, file, JSON, idea or template; exit code 2
├── LimitReached          a limit that the user set; the study stops and can be resumed with a higher one
├── StoppedByPerson       a person asked a running study to stop; it can be resumed
├── StudyError            the study folder cannot be worked on (locked, damaged journal, disk full)
├── ProviderError         the model's side failed; the study stops and can be resumed
│   ├── AuthenticationFailed    no key, or one that is refused
│   ├── QuotaExhausted          no credit left, or a limit of the account
│   ├── UnknownModel            the provider does not know the model's name
│   ├── ContextFull             the chat does not fit the model's context
│   ├── ProviderUnavailable     rate limits, overload, time-outs, broken replies
│   └── RecordingError          a recording that has no usable reply for this turn
├── LiteratureUnavailable a service that knows papers gives no answer; its part of a novelty check is unknown
└── MachineError          this machine cannot do what is asked (no git, no interpreter, no space)

Every message says what happened and what to do next, in one or two sentences, fit to be shown to a person.
"""


class AIScientistError(Exception):
    """The root of the tree."""


class UsageError(AIScientistError):
    """Bad input of the user."""


class LimitReached(AIScientistError):
    """A limit that the user set does not allow the next step."""


class StoppedByPerson(AIScientistError):
    """A person asked the study to stop."""


class StudyError(AIScientistError):
    """The study folder cannot be worked on."""


class ProviderError(AIScientistError):
    """The model's side failed."""


class AuthenticationFailed(ProviderError):
    """No key, or one that is refused."""


class QuotaExhausted(ProviderError):
    """No credit left, or a limit of the account is reached."""


class UnknownModel(ProviderError):
    """The provider does not know the model's name."""


# What every other study would run into, too.
OF_ALL = (AuthenticationFailed, QuotaExhausted, UnknownModel)


class ContextFull(ProviderError):
    """The chat does not fit the model's context."""


class ProviderUnavailable(ProviderError):
    """Rate limits, overload, time-outs, dropped connections, broken replies.

    `retry_after` is what the provider asked to wait, in seconds, None where it did not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RecordingError(ProviderError):
    """A recording has no usable reply for this turn."""


class LiteratureUnavailable(AIScientistError):
    """A service that knows papers gives no answer that can be used."""


class MachineError(AIScientistError):
    """This machine cannot do what is asked."""
