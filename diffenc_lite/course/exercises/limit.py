"""A time limit for code that may never end, on every system and in every thread."""

from __future__ import annotations

import contextvars
import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

WAITING = 4  # times the limit: what may pass on the clock
_PATIENCE = 2.0  # seconds that stopping may take


class _Stop(BaseException):
    """Raised in a thread from outside. Not an Exception, which a loop might catch."""


def within(
    seconds: float,
    call: Callable[..., Any],
    *arguments: Any,
    clock: Callable[[], float] = time.process_time,
) -> Any:
    """What call(*arguments) returns or raises; TimeoutError if that takes too long (`_ends`).
    clock: tells the seconds of a processor until now; what it raises ends the call too.

    The call runs in a thread of its own. When time is up an exception is raised in it, which ends
    any loop of Python code. One long call of compiled code does not notice: then the error says so,
    and the thread is left behind. (A call that never lets other threads run, sum(range(10**12)),
    stops this function too: only the end of the process helps.)
    """
    result: list[Any] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            try:
                result.append(call(*arguments))
            except BaseException as error:  # handed on to the caller
                raised.append(error)
        except _Stop:  # came when the call was over
            pass

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        ended = _ends(thread, seconds, clock)
    except BaseException:  # of the clock, or an interrupt
        _stop(thread)
        raise
    if not ended:
        stopped = _stop(thread)
        raise TimeoutError(
            f"it ran longer than {seconds:g} s and was stopped"
            if stopped
            else f"it runs longer than {seconds:g} s and cannot be stopped: one long call of "
            "compiled code, or a loop that catches everything; restart the kernel to be rid of it"
        )
    if raised:
        raise raised[0]
    return result[0]


def _ends(thread: threading.Thread, seconds: float, clock: Callable[[], float]) -> bool:
    """Before so many seconds of a processor, or much more of the clock, are over. On a busy machine
    the clock runs on while the code waits its turn."""
    start, used = time.monotonic(), clock()
    while thread.is_alive():
        wall, spent = time.monotonic() - start, clock() - used
        if wall > seconds and (spent > seconds or wall > WAITING * seconds):
            break
        thread.join(0.05)  # briefly, since Windows notices no interrupt meanwhile
    return not thread.is_alive()


def _stop(thread: threading.Thread) -> bool:
    """Whether it ended. The exception is raised again and again, since it may be caught."""
    deadline = time.monotonic() + _PATIENCE
    while thread.is_alive() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop)
        )
        thread.join(0.02)
    return not thread.is_alive()
