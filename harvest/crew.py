"""Who computes the shards of a run: this process, or the workers of a Dask cluster. This process commits them."""

from collections.abc import Iterator
from contextlib import contextmanager

from harvest.open_run import Harvest, OpenRun


@contextmanager
def crew(run: OpenRun) -> Iterator[Harvest]:
    """Yield what harvests a shard of the plan; it is to be asked for the shards in the plan's order.

    Raises:
        IamHarvestError: the network cannot be loaded, or there is no cluster that would give the same rows.
    """
    if run.request.runner.kind == "dask":
        from harvest.cluster import harvest_on_cluster

        with harvest_on_cluster(run) as harvest:
            yield harvest
    else:
        from harvest.pipeline import harvest_shard

        context = run.context()
        yield lambda shard: harvest_shard(shard, context)
