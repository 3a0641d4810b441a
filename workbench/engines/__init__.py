"""How functions are mapped over pieces of the rows: every engine takes a job and pieces, and yields answers.

An engine knows nothing of what it runs but the contract, so that a loop on a laptop and a cluster have one door.
"""

from workbench.engines.contract import Answer, Begun, Engine, Job, Mapper, Piece
from workbench.engines.dask import Dask
from workbench.engines.kept import KeptProcesses
from workbench.engines.pool import Pool
from workbench.engines.processes import Processes
from workbench.engines.serial import serial
from workbench.engines.spark import Spark

__all__ = [
    "Answer",
    "Begun",
    "Dask",
    "Engine",
    "Job",
    "KeptProcesses",
    "Mapper",
    "Piece",
    "Pool",
    "Processes",
    "Spark",
    "serial",
]
