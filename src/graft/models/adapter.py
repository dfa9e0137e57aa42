"""Adapter: what a tuning trains on a model; and what it becomes once it is attached to one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar

from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import Parameter

from graft.core.errors import ConfigError, ModelError
from graft.core.seam import Seam
from graft.models.loading import first_line


class Attached(ABC):
    """An adapter on a model: it changed the model in place, and `detach` undoes that to the bit.

    Whoever runs the model runs the adapter too, while it is `enable`d; several may be on one model
    and one be enabled. `parameters` are those that may move, by name. An adapter of virtual tokens
    changes nothing in place: what `start` gives stands before every row.
    """

    parameters: Mapping[str, Parameter]
    virtual_tokens: int = 0

    @abstractmethod
    def enable(self, on: bool) -> None:
        """Let the adapter take part in the model's forward pass, or not."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Return the weights by the names they are saved under; they share memory."""

    @abstractmethod
    def save(self, folder: Path, weights: Mapping[str, Tensor], *, base: str = "") -> None:
        """Write `weights` into a folder, in the kind's own format; `base` is the model's name."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Take the weights that `save` wrote."""

    @abstractmethod
    def merge(self) -> None:
        """Add the adapter to the model's own weights, so that the model has its plain form.

        Raises ModelError for a kind that cannot.
        """

    @abstractmethod
    def detach(self) -> None:
        """Take the adapter off: the model, and all else on it, are as they were, to the bit."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """The hash of the weights and of the settings that change an output."""

    def start(self, rows: int) -> Sequence[tuple[Tensor, Tensor]] | Tensor | None:
        """Return what stands before every row: keys and values a layer, or embeddings, or None.

        Keys and values are `(rows, heads, virtual_tokens, dim)`, embeddings `(rows,
        virtual_tokens, hidden)`.
        """
        return None


class Adapter(ABC):
    """A kind of adapter, a frozen dataclass of its settings; `name` is its tag in a recipe.

    `whole` says that every weight of the model is trained, one that is fresh on it too.
    """

    name: ClassVar[str]
    whole: ClassVar[bool] = False

    @abstractmethod
    def attach(self, model: nn.Module, seed: int) -> Attached:
        """Put a fresh adapter on a model, in place, and enable it.

        `model` is a transformers model, or a sentence-transformers one. What is drawn at random is
        drawn by `seed`, and torch's own generator is left alone. Which parameters gradients reach
        is the business of whoever trains.
        """

    def load(self, model: nn.Module, folder: Path, name: str) -> Attached:
        """Put on a model what `Attached.save` wrote, and enable it.

        `name` is its own among the model's adapters. Raises ModelError when it does not fit, and
        the model is as it was then.
        """
        attached = self.attach(model, 0)
        try:
            attached.load(folder)
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError, ModelError) as error:
            attached.detach()
            raise ModelError(first_line(error)) from error
        return attached

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values with its tag, as a recipe keeps it."""
        values = asdict(self)  # type: ignore[call-overload]
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"name": self.name, **plain}


ADAPTERS: Seam[type[Adapter]] = Seam(
    "an adapter", "graft.models.adapters", "graft.adapters", Adapter, classes=True
)


def adapter_of(values: Mapping[str, Any]) -> Adapter:
    """Return the adapter that `to_dict` wrote.

    Raises ConfigError for a tag or a setting that is not known, naming those there are.

    >>> adapter_of({"name": "lora", "rank": 4}).rank
    4
    """
    kind = ADAPTERS.named(str(values.get("name", "")))
    own = {key: value for key, value in values.items() if key != "name"}
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(own.keys() - set(known)):
        raise ConfigError(
            f"the adapter {kind.name!r} has no setting {unknown[0]!r}: it has {', '.join(known)}"
        )
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    return kind(**plain)


def train_only(model: nn.Module, attached: Attached) -> None:
    """Let gradients reach the parameters of what is attached, and no other one of the model."""
    model.requires_grad_(False)
    for parameter in attached.parameters.values():
        parameter.requires_grad_(True)


@contextmanager
def gradients_kept(model: nn.Module) -> Iterator[None]:
    """Leave which of a model's parameters gradients reach, after the block, as it was before."""
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        yield
    finally:
        for parameter, was in before:
            parameter.requires_grad_(was)


def cannot_merge(name: str) -> ModelError:
    """Return the error of an adapter that is no change of weights."""
    return ModelError(
        f"the adapter {name!r} cannot be added to the weights of its model, which what is saved "
        "here needs: use one that changes weights, such as lora"
    )
