"""How fast and how exactly each decoder reads each transfer syntax: ``python benchmarks/decode.py``.

A phantom of 2048 x 1664 pixels, 12 bits stored (8 where the syntax allows no more), is encoded and decoded by every
decoder that is installed, whole and, where that can be, no larger than a network of 512 x 512 needs. Prints Markdown
for docs/dicom.md; times are the best of several, of one thread.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydicom.pixels import get_decoder
from pydicom.pixels.utils import pixel_array

from harvest.batches import place
from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.decode.dataset import read_object
from harvest.decode.frames import iter_frames
from harvest.decode.layout import read_layout
from harvest.phantom.encodings import encodings
from harvest.phantom.render import render_film

SEEN_HW = (512, 512)
Stored = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def best(repeats: int, action: Callable[[], object]) -> float:
    """Milliseconds of the fastest of some repetitions."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return 1000 * min(seconds)


def rows(stored: Stored, repeats: int) -> Iterator[str]:
    bits = 8 if stored.dtype == np.uint8 else 12
    for name, encode in encodings(bits).items():
        data = encode(stored)
        if "file" in name:
            yield row(name, bits, "Pillow (used)", whole_film(data, repeats), reduced(data, repeats), "")
            continue
        source = read_object(data, len(data) * 20)
        layout = read_layout(source, DecodeConfig())
        for decoder in decoders_of(layout.syntax, layout.decoder):
            try:
                read = reader(data, decoder, layout.decoder)
                values = read()
            except Exception as error:  # this decoder cannot read it, which is a finding
                yield row(name, bits, decoder, "cannot", "", type(error).__name__)
                continue
            used = decoder == layout.decoder
            difference = int(np.abs(values.astype(int) - stored).max())
            exact = "exact" if difference == 0 else f"within {difference}"
            smaller = reduced(data, repeats) if used else ""
            yield row(name, bits, decoder + " (used)" * used, f"{best(repeats, read):.0f}", smaller, exact)


def decoders_of(syntax: str, used: str) -> list[str]:
    """Return the decoder in use, and pydicom's others."""
    if used == "native":
        return ["native"]
    return [used, *(one for one in get_decoder(syntax).available_plugins if one != used)]


def reader(data: bytes, decoder: str, used: str) -> Callable[[], Stored]:
    """Return what decodes the stored values by one decoder."""
    if decoder != used:
        return lambda: pixel_array(BytesIO(data), decoding_plugin=decoder, raw=True)

    def read() -> Stored:
        source = read_object(data, len(data) * 20)
        return next(iter_frames(source, read_layout(source, DecodeConfig()))).values

    return read


def whole_film(data: bytes, repeats: int) -> str:
    return f"{best(repeats, lambda: list(iter_decode(data, DecodeConfig()))):.0f}"


def reduced(data: bytes, repeats: int) -> str:
    """Milliseconds from bytes to the network's input, whole and reduced, and how far the inputs are apart."""
    whole, small = (film_input(data, one) for one in (False, True))
    if whole[1] == small[1]:
        return ""
    times = [best(repeats, lambda one=one: film_input(data, one)) for one in (False, True)]
    apart = np.abs(whole[0].astype(int) - small[0]).mean()
    return f"1/{small[1]}: {times[1]:.0f} instead of {times[0]:.0f}, mean difference {apart:.2f} of 255"


def film_input(data: bytes, smaller: bool) -> tuple[npt.NDArray[np.uint8], int]:
    (outcome,) = iter_decode(data, DecodeConfig(reduced=smaller), SEEN_HW)
    image = outcome.image
    assert image is not None, outcome.rejection
    return place(image, SEEN_HW).to_input(image.pixels, image.covered), image.recipe.get("reduction", 1)


def row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    pixels = render_film(1, 0, 2048).pixels
    print(row("transfer syntax", "bits", "decoder", "whole, ms", "bytes to network input, ms", "stored values"))
    print("| --- | ---: | --- | ---: | --- | --- |")
    for stored in (pixels.astype(np.uint16) * 16, pixels):
        for line in rows(stored, repeats):
            print(line, flush=True)


if __name__ == "__main__":
    main()
