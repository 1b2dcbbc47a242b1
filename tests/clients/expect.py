"""What tests of clients expect of calls."""

import time

import botocore.exceptions


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(code, call, reason=None, **arguments):
    """Has `call` refused with that code, and that reason."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]["Code"], error.response.get("Reason")
        check(found[0] == code and reason in (None, found[1]), f"{found} instead of {code} {reason}: {error}")
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def eventually(what, seconds_max, condition):
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not in time: {what}")
