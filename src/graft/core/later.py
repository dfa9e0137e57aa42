"""Later: a package whose own code runs when somebody asks for something of it, not before."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from threading import RLock
from types import ModuleType
from typing import Any

_LOCK = RLock()


class _Later(ModuleType):
    """Runs its `__init__` when a name is asked for that is not there; others wait for its end."""

    def __getattr__(self, name: str) -> Any:
        with _LOCK:
            held, spec = self.__dict__, self.__spec__
            if name in held:
                return held[name]
            if held.get("_running") or spec is None or spec.loader is None:
                raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
            held["_running"] = True
            try:
                spec.loader.exec_module(self)
            finally:
                del held["_running"]
            object.__setattr__(self, "__class__", ModuleType)
        return getattr(self, name)


def import_later(name: str) -> None:
    """Put a package in place without running its `__init__`; its modules can be imported.

    For what imports all of itself where one module is wanted. A package that is imported already,
    or is not installed, is left alone.

    >>> import_later("wsgiref")
    >>> from wsgiref import util
    >>> util.guess_scheme({"HTTPS": "on"})
    'https'
    """
    if name in sys.modules or (spec := find_spec(name)) is None:
        return
    module = _Later(name)
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    module.__path__ = list(spec.submodule_search_locations or ())
    module.__package__ = name
    sys.modules[name] = module
