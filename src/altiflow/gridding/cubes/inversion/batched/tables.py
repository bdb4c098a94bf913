"""Tables: the rows of a model as sparse matrices, for pixels whose values are listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from altiflow.gridding.cubes.inversion.normals import Rows, sparse_rows

__all__ = ["Tables", "make_tables"]


@dataclass(frozen=True)
class Tables:
    """The rows of a model as sparse matrices.

    Attributes
    ----------
    products
        Products of the functions' means, (layers, (b + 1) p).
    means
        The means themselves (layers, p).
    support
        Whether layer and bin meet, then the days that they share, (layers, 2 bins).
    """

    products: Any
    means: Any
    support: Any


def make_tables(rows: Rows, support: Rows, band: int) -> Tables:
    """Return the rows as sparse matrices, for normal matrices with so many off-diagonals."""
    return Tables(_product_matrix(rows, band), sparse_rows(rows), sparse_rows(support))


def _product_matrix(rows: Rows, band: int) -> Any:
    """Return the products (layers, (band + 1) columns), at band times columns plus column."""
    found = [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))]
    for one in rows.slices:
        for (off, column), products in zip(one.near, one.products, strict=True):
            pair, layer = np.nonzero(products)
            found.append((one.start + layer, off[pair] * rows.columns + column[pair], products[pair, layer]))
    layer, column, part = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return scipy.sparse.csr_matrix((part, (layer, column)), shape=(rows.order.size, (band + 1) * rows.columns))
