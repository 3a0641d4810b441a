"""Addresses that hold a secret: refused where they would be written down, and said without it."""

from __future__ import annotations

import re
from typing import Final

from workbench.tables import WorkbenchError

_LOGIN: Final = re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]*@")  # `abfs://container@account` names no secret
_SIGNED: Final = re.compile(
    r"(?<=[?&;])([\w-]*(?:sig|signature|token|secret|passw(?:or)?d|pwd|credential|key(?:id)?)=)[^&;\s'\"]*",
    re.IGNORECASE,
)


def hidden(address: str) -> str:
    """Return an address without names, passwords, keys and signatures.

    >>> hidden("s3://key:secret@bucket/rows"), hidden("https://host/rows.parquet?part=2&X-Amz-Signature=0a1b")
    ('s3://***@bucket/rows', 'https://host/rows.parquet?part=2&X-Amz-Signature=***')
    """
    return _SIGNED.sub(r"\1***", _LOGIN.sub("***@", address))


def without_secret(address: str, what: str) -> str:
    """Return an address that is written into runs, logs and messages; raises WorkbenchError where it holds a secret.

    what: whose address it is, as the error names it.
    """
    if hidden(address) != address:
        raise WorkbenchError(
            f"{what} is {hidden(address)!r}, with a password or key that would be written into every run; leave it out of the "
            "address, and give it in the environment or in ~/.config/fsspec, as the file system's documentation says"
        )
    return address
