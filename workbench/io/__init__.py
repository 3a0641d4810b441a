"""Files in and out: readers, atomic writes, checksums, format versions, strict TOML."""

from workbench.io.crowd import read_crowd
from workbench.io.datasets import check_shares, dataset_from_frame, read_dataset
from workbench.io.files import (
    atomic_write,
    check_format,
    new_folder,
    read_json,
    sha256,
    write_frame,
    write_json,
    write_text,
)
from workbench.io.names import did_you_mean, listed
from workbench.io.readers import read_frame
from workbench.io.toml import check_keys, expect, read_toml
from workbench.io.wrench import Imported, read_wrench

__all__ = [
    "Imported",
    "atomic_write",
    "check_format",
    "check_keys",
    "check_shares",
    "dataset_from_frame",
    "did_you_mean",
    "expect",
    "listed",
    "new_folder",
    "read_crowd",
    "read_dataset",
    "read_frame",
    "read_json",
    "read_toml",
    "read_wrench",
    "sha256",
    "write_frame",
    "write_json",
    "write_text",
]
