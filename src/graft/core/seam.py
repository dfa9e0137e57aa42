"""Seam: a kind of thing that can be plugged in, found in a folder of Graft's and in packages.

A module in the folder, or the target of an entry point, offers every value of the kind that stands
at its top level. Nothing is registered and nothing is listed: to add one is to add a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from threading import RLock
from types import ModuleType
from typing import Any, Generic, TypeVar

from graft.core.errors import ConfigError, nearest

T = TypeVar("T")


@dataclass
class Seam(Generic[T]):
    """All values of one kind, by name.

    `what` is what a person calls one ("a measure"). `folder` is the package in which Graft's own
    stand, `group` the entry-point group of others. `kind` is the class that a value is an instance
    of, or, with `classes`, a class is a subclass of. Each has its name in the attribute `key`.
    They are looked for when one is first asked for, and once.
    """

    what: str
    folder: str
    group: str
    kind: type[Any]
    classes: bool = False
    key: str = "name"
    beside: type[Any] | None = None
    """Another kind that the same folder and group offer."""
    added: frozenset[str] = frozenset()
    """Names that were added in this process: no other process finds them."""
    _found: dict[str, T] = field(default_factory=dict, repr=False)
    _looked: bool = field(default=False, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def all(self) -> Mapping[str, T]:
        """Return every value by name, in the order of the names of their files."""
        with self._lock:
            if not self._looked:
                for module in self._modules():
                    for value in self._values(module):
                        self._put(value)
                self._looked = True  # a plugin that cannot be imported is told each time
            return dict(self._found)

    def add(self, value: T) -> T:
        """Add a value for this process, after those there are, as a notebook does; return it.

        Raises ConfigError when another one has its name.
        """
        with self._lock:
            self.all()
            found = self._put(value)
            self.added |= {str(getattr(value, self.key))}
            return found

    def _put(self, value: T) -> T:
        name = str(getattr(value, self.key))
        if self._found.setdefault(name, value) is not value:
            raise ConfigError(
                f"two plugins offer {self.what} called {name!r}: rename one, or uninstall the "
                "package that brings it"
            )
        return value

    def drop(self, name: str) -> None:
        """Take away a value that was added."""
        with self._lock:
            self._found.pop(name, None)
            self.added -= {name}

    def named(self, name: str) -> T:
        """Return the value of a name. Raises ConfigError, naming the nearest and all there are."""
        found = self.all()
        if name in found:
            return found[name]
        near = nearest(name, found)
        did = f", did you mean {near!r}?" if near else ":"
        raise ConfigError(
            f"there is no {self.what.partition(' ')[2]} {name!r}{did} (there is "
            f"{', '.join(found) or 'none'}; others come with the package that brings them)"
        )

    def _modules(self) -> Iterator[ModuleType]:
        package = importlib.import_module(self.folder)
        for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
            yield importlib.import_module(f"{self.folder}.{found.name}")
        for point in sorted(entry_points(group=self.group), key=lambda each: each.name):
            try:
                loaded = point.load()
            except Exception as error:  # a broken package must not take every command down unnamed
                raise ConfigError(
                    f"the plugin {point.name!r} ({point.value}) of {self.group} cannot be imported "
                    f"({type(error).__name__}: {error}): mend it, or uninstall its package"
                ) from error
            holder = ModuleType(point.name)
            made = loaded if isinstance(loaded, ModuleType) else _holding(holder, loaded)
            if not any(True for _ in self._values(made)) and not self._others(made):
                base = "a class" if self.classes else "a value of the class"
                raise ConfigError(
                    f"the plugin {point.name!r} ({point.value}) of {self.group} offers no "
                    f"{self.what.partition(' ')[2]}: define {base} {self.kind.__name__} "
                    f"({self.kind.__module__}) at the top of it, or uninstall its package"
                )
            yield made

    def _others(self, module: ModuleType) -> bool:
        beside = self.beside
        return beside is not None and any(isinstance(v, beside) for v in vars(module).values())

    def _values(self, module: ModuleType) -> Iterator[T]:
        for value in vars(module).values():
            if self.classes:
                fits = isinstance(value, type) and issubclass(value, self.kind)
                # A class that a module only imports is offered where it is defined.
                if fits and value is not self.kind and value.__module__ == module.__name__:
                    yield value  # type: ignore[misc]
            elif isinstance(value, self.kind):
                yield value


def plugins() -> Iterator[tuple[EntryPoint, str]]:
    """Yield what installed packages plug in, each with its package and version."""
    for group in sorted(group for group in entry_points().groups if group.startswith("graft.")):
        for point in sorted(entry_points(group=group), key=lambda each: each.name):
            package = point.dist
            yield point, f"{package.name} {package.version}" if package else "an unknown package"


def _holding(module: ModuleType, value: Any) -> ModuleType:
    module.value = value  # type: ignore[attr-defined]
    if isinstance(value, type):
        module.__name__ = value.__module__
    return module
