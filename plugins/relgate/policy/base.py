"""The base of all models of a policy: frozen, strict about names, without NaN and infinity."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A model that cannot be changed; make another one with ``model_copy(update=...)``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
