"""How functions are mapped over pieces of the rows: every engine takes a job and pieces, and yields answers.

An engine knows nothing of what it runs but the contract, so that a loop on a laptop and a cluster have one door.
"""

from workbench.engines.contract import Answer, Begun, Engine, Job, Piece
from workbench.engines.processes import Processes
from workbench.engines.serial import serial

__all__ = ["Answer", "Begun", "Engine", "Job", "Piece", "Processes", "serial"]
