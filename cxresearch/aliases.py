"""Short names of the array and frame types in signatures; a module imports them for its types alone."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Positions and codes that index another array.
Places = NDArray[np.intp]

#: A table on whatever engine holds it, not yet collected.
Frame = nw.LazyFrame[Any]
