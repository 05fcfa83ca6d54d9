"""How much memory a process takes."""

import resource
from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")


def peak_mb() -> int:
    """Resident memory of this process at most so far, in MB (10⁶ bytes), with the parts of mapped files that were
    used. On Linux without what its parent had when it started it, which `getrusage` counts."""
    if STATUS.exists():
        (peak,) = (line.split()[1] for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(peak) * 1024 / 1e6)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
