"""What every pydantic model of the project shares."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen, and closed: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
