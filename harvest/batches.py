"""A shard's objects, read and decoded ahead of the network, in order, in batches of one size.

Reading and decoding run in decoder processes (:mod:`harvest.isolation`), each fed by a thread; results keep the shard's
order, and what is ahead is bounded, so memory does not grow with the archive.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from harvest.ahead import map_ahead
from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import Reason, RejectedError, Stage
from harvest.geometry import Placement
from harvest.isolation import Bounds, decoders
from harvest.records import (
    NO_VERDICTS,
    ArchiveObject,
    ChestVerdicts,
    DecodedImage,
    DecodeOutcome,
    InstanceHeader,
    Rejection,
    UInt8Image,
)
from harvest.sources import UNKNOWN_SIZE, Source, to_decode

AHEAD_PER_WORKER = 8


@dataclass(frozen=True, slots=True)
class Film:
    """One frame of an object: ready for the network, or rejected.

    Attributes:
        input: (H, W) uint8 in the network's frame; None when rejected.
        placement: of the stored image in that frame; None when rejected.
        recipe: how the pixels came about; empty when rejected.
        verdicts: whether it is a frontal chest film.
        pixel_digest: of the decoded pixels, equal for equal ones; None when rejected.
    """

    source: ArchiveObject
    frame: int
    header: InstanceHeader
    input: UInt8Image | None = None
    placement: Placement | None = None
    recipe: tuple[tuple[str, object], ...] = ()
    rejection: Rejection | None = None
    verdicts: ChestVerdicts = NO_VERDICTS
    pixel_digest: str | None = None


def iter_films(
    source: Source, objects: Iterable[ArchiveObject], config: DecodeConfig, input_hw: tuple[int, int], workers: int
) -> Iterator[Film]:
    """Yield the films of all objects, in the objects' order, frames ascending; at least one per object."""
    bounds = Bounds(config.max_seconds, config.max_memory_mib)

    def prepare(one: ArchiveObject) -> list[Film]:
        if workers == 0:
            return read_films(source, one, config, input_hw)
        readable = to_decode(source, one.path, config.max_bytes)
        films, died = decoders.ask((readable, one, config, input_hw), bounds)
        return films if died is None else [*films, _lost(one, len(films) + 1, died)]

    for films in map_ahead(prepare, objects, workers, workers * AHEAD_PER_WORKER):
        yield from films


def read_films(source: Source, one: ArchiveObject, config: DecodeConfig, input_hw: tuple[int, int]) -> list[Film]:
    """Return all films of one object; see :func:`iter_object_films`."""
    return list(iter_object_films(source, one, config, input_hw))


def iter_object_films(
    source: Source, one: ArchiveObject, config: DecodeConfig, input_hw: tuple[int, int]
) -> Iterator[Film]:
    """Read, decode and place one object, in this process; whatever is wrong with it becomes a rejection."""
    frame = 0
    try:
        data = source.read_bytes(one.path, config.max_bytes)
        if one.size not in (len(data), UNKNOWN_SIZE):
            raise RejectedError(Reason.FILE_CHANGED, Stage.READ, "The object changed after it was listed.")
        for outcome in iter_decode(data, config, input_hw):
            yield _film(one, outcome, input_hw)
            frame = outcome.frame
        return
    except RejectedError as error:
        rejection = Rejection(error.reason, error.stage, error.message)
    except MemoryError:
        rejection = Rejection(Reason.IMAGE_TOO_LARGE, Stage.DECODE, "The object does not fit into memory.")
    yield Film(one, frame + 1, InstanceHeader(), rejection=rejection)


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


def _lost(one: ArchiveObject, frame: int, died: Reason) -> Film:
    """Return the film whose decoder died."""
    message = "Decoding took longer than decode.max_seconds."
    if died is Reason.DECODER_CRASHED:
        message = "The decoder's process died, and a second one, too."
    return Film(one, frame, InstanceHeader(), rejection=Rejection(died, Stage.DECODE, message))


def _film(one: ArchiveObject, outcome: DecodeOutcome, input_hw: tuple[int, int]) -> Film:
    header = _completed(outcome.header, one.described)
    if outcome.image is None:
        return Film(one, outcome.frame, header, rejection=outcome.rejection, verdicts=outcome.verdicts)
    placement = place(outcome.image, input_hw)
    recipe = tuple(outcome.image.recipe.items())
    seen = placement.to_input(outcome.image.pixels, outcome.image.covered)
    digest = digest_pixels(outcome.image.pixels)
    return Film(one, outcome.frame, header, seen, placement, recipe, None, outcome.verdicts, digest)


def digest_pixels(pixels: UInt8Image) -> str:
    """Return 32 hex digits over size and values of an image."""
    return hashlib.blake2b(pixels.tobytes(), digest_size=16, person=b"%dx%d" % pixels.shape).hexdigest()


def _completed(header: InstanceHeader, described: InstanceHeader | None) -> InstanceHeader:
    """Fill what the object's own header leaves open from the label table."""
    if described is None:
        return header
    missing = {one.name: getattr(described, one.name) for one in fields(header) if getattr(header, one.name) is None}
    return replace(header, **missing)


def place(image: DecodedImage, input_hw: tuple[int, int]) -> Placement:
    """Return where a decoded image lies in the network's frame."""
    rows, columns = image.stored_hw or image.pixels.shape
    return Placement(rows, columns, input_hw, image.orientation, image.pixel_aspect)
