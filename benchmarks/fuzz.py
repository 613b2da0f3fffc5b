"""Coverage-guided fuzzing of decoding in one process: ``pip install atheris``, then ``python benchmarks/fuzz.py``.

Optional, since atheris runs on few systems; the tests use hypothesis and mutants instead. Starts from one small film of
every encoding but JPEG-LS (CharLS may spin on a broken frame, for which a run has its limit on time) and stops at the
first input that raises, hangs or crashes, which it keeps in ``build/fuzz``.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux), or run 'make soak', which needs nothing more.")

with atheris.instrument_imports(include=["harvest.decode", "pydicom.filereader", "pydicom.encaps"]):
    from harvest.config import DecodeConfig
    from harvest.decode import iter_decode
    from harvest.errors import Reason

from reliability import originals

LIMITS = DecodeConfig(max_bytes=2**22, max_pixels=200_000, max_frames=4, include=("not_chest_by_pixels",))


def decode(data: bytes) -> None:
    outcomes = list(iter_decode(data, LIMITS))
    assert [one.frame for one in outcomes] == list(range(1, len(outcomes) + 1))
    for one in outcomes:
        assert (one.image is None) != (one.rejection is None)
        assert one.rejection is None or one.rejection.reason in set(Reason)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    kept = Path("build") / "fuzz"
    kept.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        for number, (name, film) in enumerate(originals().items()):
            if not name.startswith("JPEGLS"):
                (Path(folder) / f"{number:02d}").write_bytes(film)
        limits = [
            f"-max_total_time={given.seconds}",
            "-timeout=30",
            "-rss_limit_mb=2048",
            f"-artifact_prefix={kept}/",
        ]
        atheris.Setup([sys.argv[0], *limits, folder], decode)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
