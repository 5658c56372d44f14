"""The async Python client, called like the sync one: so one set of tests is for both."""
import asyncio
import inspect


class Blocking:
    """Its coroutines run to their end, and its async generators are generators."""

    def __init__(self, thing, loop):
        self._thing, self._loop = thing, loop

    def __getattr__(self, name):
        value = getattr(self._thing, name)
        return self._call(value) if callable(value) else Blocking(value, self._loop)

    def _call(self, function):
        def call(*args, **more):
            result = function(*args, **more)
            if inspect.isawaitable(result):
                result = self._loop.run_until_complete(result)
            return self._each(result) if hasattr(result, "__aiter__") else result
        return call

    def _each(self, items):
        try:
            while True:
                yield self._loop.run_until_complete(anext(items))
        except StopAsyncIteration:
            return
        finally:
            self._loop.run_until_complete(items.aclose())

    def close(self):
        self._loop.run_until_complete(self._thing.aclose())
        self._loop.close()


def blocking(thing):
    return Blocking(thing, asyncio.new_event_loop())
