"""The private folder of a lake, closed for everybody without the site key.

Files are encrypted by AES-SIV (RFC 5297) under a key derived from the site key, each bound to its path. It is
deterministic: equal files give equal objects, so that a repeated put changes nothing; what that tells an onlooker is
which files are equal, which the log of commits tells as well. The site key itself never goes into a bucket.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from harvest.errors import LakeError
from harvest.identity import SiteKey

_KEY_BYTES = 64


class Seal:
    """Closes and opens private files.

    Attributes:
        check: tells one site key from another, and nothing of either.
    """

    def __init__(self, key: SiteKey) -> None:
        derived = HKDF(SHA512(), _KEY_BYTES, None, b"iam-harvest: private folder of a lake").derive(key.secret)
        self._cipher = AESSIV(derived)
        self.check = key.pseudonym("seal", "check")

    def close(self, path: str, content: bytes) -> bytes:
        """Return a file as it may lie in a bucket, 16 bytes longer."""
        return self._cipher.encrypt(content, [path.encode()])

    def open(self, path: str, sealed: bytes) -> bytes:
        """Return the file.

        Raises:
            LakeError: it was sealed under another key or as another path, or is damaged.
        """
        try:
            return self._cipher.decrypt(sealed, [path.encode()])
        except (InvalidTag, ValueError) as error:
            raise LakeError(f"{path} of the lake in the bucket cannot be opened: it is damaged.") from error
