"""Typed errors: each says what was wrong, shows the value and says what to do."""

__all__ = [
    "AltiflowError",
    "CorruptGranuleError",
    "DatabaseError",
    "EmptyDataError",
    "FieldError",
    "GranuleError",
    "GridMismatchError",
    "InputError",
    "LoginError",
    "MissingDataError",
    "NoOverlapError",
    "OrientationError",
    "RequestError",
    "ScienceWarning",
    "SearchError",
    "StoreLockedError",
    "TruthError",
    "UnsupportedFormatError",
    "WriteError",
    "WrongProductError",
]


class AltiflowError(Exception):
    """Anything altiflow refuses to do, with the reason and the way out."""


class InputError(AltiflowError, ValueError):
    """An argument has a value that means nothing here."""


class RequestError(InputError):
    """A request to the service asks for what means nothing, or for more than is allowed.

    Attributes
    ----------
    parameter
        Its name, "" where it is the request as a whole.
    value
        What was given, shortened.
    reason
        What is wrong with it.
    fix
        What to do.
    status
        Code of the answer in HTTP.
    """

    def __init__(self, parameter: str, value: object, reason: str, fix: str, status: int = 400) -> None:
        self.parameter, self.value, self.reason, self.fix, self.status = parameter, str(value)[:80], reason, fix, status
        super().__init__(f"{reason}; {fix}")


class GridMismatchError(InputError):
    """Two things lie on different grids and cannot be put together cell by cell."""


class GranuleError(AltiflowError):
    """A granule could not be read."""


class UnsupportedFormatError(GranuleError):
    """The file is not in a format that can be opened (not HDF5, a newer HDF5 layout ...)."""


class CorruptGranuleError(GranuleError):
    """The file is damaged or truncated, or its data sets contradict each other."""


class WrongProductError(GranuleError):
    """The file is a granule of another product than the one asked for."""


class MissingDataError(GranuleError):
    """A data set or group that the product promises is not in the granule."""


class OrientationError(GranuleError):
    """Strong and weak beams cannot be told apart (spacecraft in transition, or no orientation)."""


class FieldError(AltiflowError, ValueError):
    """A velocity field does not state what the contract demands."""


class EmptyDataError(AltiflowError, ValueError):
    """Nothing is left to work on: no granule, no segment, no valid value."""


class NoOverlapError(AltiflowError):
    """Two data sets do not meet in space or time."""


class StoreLockedError(AltiflowError):
    """Another process is writing to the folder of a tally store or of a data set."""


class DatabaseError(AltiflowError):
    """A database cannot be reached, refuses, or does not hold what is asked of it."""


class WriteError(AltiflowError):
    """A file could not be written: the disk is full, or the folder may not be written to."""


class SearchError(AltiflowError):
    """The archive's search answered with an error or could not be reached."""


class LoginError(SearchError):
    """The archive wants a login and none is at hand."""


class ServiceError(AltiflowError):
    """A service of jobs could not be reached, is too busy, or answered with nothing that can be understood."""


class JobError(ServiceError):
    """A job of a service has no result.

    Attributes
    ----------
    state
        "waiting", "running", "failed", "cancelled" or "deleted".
    reason
        What the service says of it, "" for nothing.
    """

    def __init__(self, text: str, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        super().__init__(text)


class ScienceWarning(UserWarning):
    """A result that is computed as asked, and says less than it seems to."""


class TruthError(AltiflowError):
    """A result on the built-in sample is further from the known truth than allowed."""
