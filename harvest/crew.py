"""Who computes the shards of a run: this process, Dask's workers, or helpers in a pool. This process commits them."""

from collections.abc import Iterator
from contextlib import contextmanager

from harvest.errors import WorkerError
from harvest.open_run import Harvest, OpenRun, Summon


@contextmanager
def crew(run: OpenRun, summon: Summon | None = None) -> Iterator[Harvest]:
    """Yield what harvests a shard of the plan; it is to be asked for the shards in the plan's order.

    Args:
        run: whose plan is made.
        summon: calls helpers, for the runner ``pool``.

    Raises:
        IamHarvestError: the network cannot be loaded, or there is nobody who would give the same rows.
    """
    kind = run.request.runner.kind
    if kind == "dask":
        from harvest.cluster import harvest_on_cluster

        with harvest_on_cluster(run) as harvest:
            yield harvest
    elif kind == "pool":
        if summon is None:
            raise WorkerError(
                "The runner pool is for harvests of a service: set it in the file of 'iam-harvest serve' or 'deploy'."
            )
        from harvest.shared_work import harvest_together

        with harvest_together(run, summon) as harvest:
            yield harvest
    else:
        from harvest.pipeline import harvest_shard

        context = run.context()
        yield lambda shard: harvest_shard(shard, context)
