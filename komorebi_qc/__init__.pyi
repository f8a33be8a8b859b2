# The types of the public interface. `__init__.py` loads each name at its first use.
from komorebi_qc.api import audit as audit
from komorebi_qc.api import diagnose as diagnose
from komorebi_qc.api import process as process
from komorebi_qc.core.errors import InputError as InputError
from komorebi_qc.core.errors import KomorebiError as KomorebiError
from komorebi_qc.core.errors import PassingError as PassingError
from komorebi_qc.core.errors import PermanentError as PermanentError
from komorebi_qc.core.errors import WrongPairError as WrongPairError
from komorebi_qc.core.finding import Finding as Finding
from komorebi_qc.core.limits import Limits as Limits
from komorebi_qc.core.progress import Progress as Progress
from komorebi_qc.core.timebase import Alignment as Alignment
from komorebi_qc.core.timebase import CallEnd as CallEnd
from komorebi_qc.core.timebase import Jump as Jump
from komorebi_qc.desk.audit.status import AuditStatus as AuditStatus
from komorebi_qc.findings.legacy import upgrade as upgrade
from komorebi_qc.pipeline.diagnose import Diagnosis as Diagnosis
from komorebi_qc.pipeline.options import Options as Options
from komorebi_qc.pipeline.outcome import Outcome as Outcome

__all__ = [
    "Alignment",
    "AuditStatus",
    "CallEnd",
    "Diagnosis",
    "Finding",
    "InputError",
    "Jump",
    "KomorebiError",
    "Limits",
    "Options",
    "Outcome",
    "PassingError",
    "PermanentError",
    "Progress",
    "WrongPairError",
    "audit",
    "diagnose",
    "process",
    "upgrade",
]
__version__: str
