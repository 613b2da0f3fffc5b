"""A shard's objects, read and decoded ahead of the network, in order, in batches of one size.

Reading and decoding run in threads (the decoders release the interpreter lock); results keep the shard's order, and
what is ahead is bounded, so memory does not grow with the archive.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import TypeVar

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import Reason, RejectedError, Stage
from harvest.geometry import Placement
from harvest.records import ArchiveObject, DecodedImage, DecodeOutcome, InstanceHeader, Rejection, UInt8Image
from harvest.sources import Source

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD_PER_WORKER = 8


@dataclass(frozen=True, slots=True)
class Film:
    """One frame of an object: ready for the network, or rejected.

    Attributes:
        input: (H, W) uint8 in the network's frame; None when rejected.
        placement: of the stored image in that frame; None when rejected.
        recipe: how the pixels came about; empty when rejected.
    """

    source: ArchiveObject
    frame: int
    header: InstanceHeader
    input: UInt8Image | None = None
    placement: Placement | None = None
    recipe: tuple[tuple[str, object], ...] = ()
    rejection: Rejection | None = None


def iter_films(
    source: Source, objects: Iterable[ArchiveObject], config: DecodeConfig, input_hw: tuple[int, int], workers: int
) -> Iterator[Film]:
    """Yield the films of all objects, in the objects' order, frames ascending; at least one per object."""

    def prepare(one: ArchiveObject) -> list[Film]:
        return read_films(source, one, config, input_hw)

    for films in _ordered_map(prepare, objects, workers):
        yield from films


def read_films(source: Source, one: ArchiveObject, config: DecodeConfig, input_hw: tuple[int, int]) -> list[Film]:
    """Read, decode and place one object; whatever is wrong with it becomes a rejection."""
    try:
        data = source.read_bytes(one.path, config.max_bytes)
        if len(data) != one.size:
            raise RejectedError(Reason.FILE_CHANGED, Stage.READ, "The object changed after it was listed.")
        return [_film(one, outcome, input_hw) for outcome in iter_decode(data, config)]
    except RejectedError as error:
        rejection = Rejection(error.reason, error.stage, error.message)
    except MemoryError:
        rejection = Rejection(Reason.IMAGE_TOO_LARGE, Stage.DECODE, "The object does not fit into memory.")
    return [Film(one, 1, InstanceHeader(), rejection=rejection)]


def iter_batches(films: Iterable[Film], size: int) -> Iterator[list[Film]]:
    """Group films so that each group holds ``size`` accepted ones (the last fewer), rejected ones in between."""
    batch: list[Film] = []
    accepted = 0
    for film in films:
        batch.append(film)
        accepted += film.input is not None
        if accepted == size:
            yield batch
            batch, accepted = [], 0
    if batch:
        yield batch


def _film(one: ArchiveObject, outcome: DecodeOutcome, input_hw: tuple[int, int]) -> Film:
    header = _completed(outcome.header, one.described)
    if outcome.image is None:
        return Film(one, outcome.frame, header, rejection=outcome.rejection)
    placement = place(outcome.image, input_hw)
    recipe = tuple(outcome.image.recipe.items())
    return Film(one, outcome.frame, header, placement.to_input(outcome.image.pixels), placement, recipe)


def _completed(header: InstanceHeader, described: InstanceHeader | None) -> InstanceHeader:
    """Fill what the object's own header leaves open from the label table."""
    if described is None:
        return header
    missing = {one.name: getattr(described, one.name) for one in fields(header) if getattr(header, one.name) is None}
    return replace(header, **missing)


def place(image: DecodedImage, input_hw: tuple[int, int]) -> Placement:
    """Return where a decoded image lies in the network's frame."""
    rows, columns = image.pixels.shape
    return Placement(rows, columns, input_hw, image.orientation, image.pixel_aspect)


def _ordered_map(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Like ``map``, a bounded number of items ahead in ``workers`` threads; 0 works in the caller's thread."""
    if workers == 0:
        yield from map(function, items)
        return
    remaining = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        ahead: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in islice(remaining, workers * AHEAD_PER_WORKER)
        )
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(function, item) for item in islice(remaining, 1))
