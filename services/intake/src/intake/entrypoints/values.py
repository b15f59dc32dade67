"""Values of corrections: whatever JSON can hold in one field of a table."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError

from intake.domain.corrections import Scalar

Place = Annotated[str, StringConstraints(min_length=1, max_length=260)]


def _scalar(value: object) -> object:
    finite = not isinstance(value, float) or math.isfinite(value)
    if finite and (value is None or isinstance(value, str | int | float)):
        return value
    raise PydanticCustomError("scalar", "send text, a number, true, false or null")


Correction = Annotated[Scalar, PlainValidator(_scalar, json_schema_input_type=Scalar)]
