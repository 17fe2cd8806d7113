"""Secret keys of users: made here, and kept only as a salted hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor

_BYTES = 32
_SALT_BYTES = 16
_SCHEME = "scrypt"
# A key is 32 random bytes, which nobody guesses; scrypt guards what an operator may have chosen in a copied
# database. 16 MiB and some 50 ms a check: many at once must not fill the server's memory.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
# Threads of their own: each thread that ever made a hash keeps the memory that it took.
_threads = ThreadPoolExecutor(4, thread_name_prefix="sqlflow-keys")


def new_key() -> str:
    """A random secret key, of letters and digits."""
    return secrets.token_hex(_BYTES)


def new_version() -> int:
    """A number for a key that no other key has: a user who is removed and added again gets another one."""
    return secrets.randbits(62)


def hashed(key: str) -> str:
    """The key's hash with the salt and the costs it was made with."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return "$".join((_SCHEME, str(_COST), str(_BLOCK), str(_PARALLEL), salt.hex(), _hash(key, salt).hex()))


def is_of(key: str, kept: str) -> bool:
    """Whether a key has this hash. Takes as long whether it has or not."""
    _scheme, cost, block, parallel, salt, expected = kept.split("$")
    found = _hash(key, bytes.fromhex(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, bytes.fromhex(expected))


def _hash(key: str, salt: bytes, cost: int = _COST, block: int = _BLOCK, parallel: int = _PARALLEL) -> bytes:
    return _threads.submit(
        hashlib.scrypt,
        key.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=cost,
        r=block,
        p=parallel,
        maxmem=2 * 128 * cost * block,
    ).result()


NOBODY = "$".join((_SCHEME, str(_COST), str(_BLOCK), str(_PARALLEL), "00" * _SALT_BYTES, "00" * 64))
"""A hash that no key has, to spend the time of a check on."""
