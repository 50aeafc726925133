"""A portfolio on Dask: the tables' files are the partitions, and every worker judges its own (extra `sansho[dask]`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analyzer.errors import SanshoError
from analyzer.portfolio.analysis import PortfolioEngine, partition_map
from analyzer.portfolio.run_files import BLOCK_SIZE
from analyzer.portfolio.sources import TableSource

if TYPE_CHECKING:
    from dask.bag import Bag


def analysed_bag(tables: Sequence[Path], engine: PortfolioEngine, as_of: date, *, block_size: int = BLOCK_SIZE) -> Bag:
    """A Dask bag of result batches (FLAT_SCHEMA), one partition a table; nothing is read before it is computed.

    Each worker must reach the tables' paths. Ids are checked within a table, not across. Raises SanshoError where Dask
    is not installed; computing raises InputError where a table cannot be used.
    """
    try:
        from dask.bag import from_sequence
    except ImportError:
        raise SanshoError("Dask is not installed: pip install 'sansho[dask]'") from None
    make: Any = from_sequence  # untyped in Dask
    paths = make([str(path) for path in tables], partition_size=1)
    bag: Bag = paths.map_partitions(_judged, engine, as_of, block_size)
    return bag


def _judged(paths: Sequence[str], engine: PortfolioEngine, as_of: date, block_size: int) -> list[pa.RecordBatch]:
    """A partition's results; a list, since an iterator cannot travel back from a worker."""
    judge = partition_map(engine, as_of)
    return [
        results
        for path in paths
        for results in judge(TableSource([Path(path)], path, engine.layout).blocks(block_size, as_of))
    ]
