"""Observed: state that tells who listens what happened to it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Observed"]

Listener = Callable[[], None]


class Observed:
    """Something whose events are told to whoever listens.

    Examples
    --------
    >>> place = Observed()
    >>> quit = place.listen("moved", lambda: print("it moved"))
    >>> place.tell("moved")
    it moved
    >>> quit()
    >>> place.tell("moved")
    """

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def listen(self, event: str, listener: Listener) -> Callable[[], None]:
        """Call a listener at every event of a name, and return what ends that."""
        self._listeners.setdefault(event, []).append(listener)

        def end() -> None:
            if listener in self._listeners[event]:
                self._listeners[event].remove(listener)

        return end

    def tell(self, event: str) -> None:
        """Call those who listen, in the order they came."""
        for listener in tuple(self._listeners.get(event, ())):
            listener()
