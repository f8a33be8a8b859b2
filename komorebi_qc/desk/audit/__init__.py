"""An audit: one recording examined once, then a report, executed notebooks, findings and a status.

An audit writes these files into its folder:

* ``report.html`` with its video, ``thumbnail.png`` and ``audio/``, and ``qc.json``;
* the executed notebooks, signed, so that JupyterLab on this machine trusts them;
* ``status.json``: the state of the audit, correct at any moment. It never comes from a notebook, because papermill
  marks every cell as completed even after a kernel was killed.
"""

from komorebi_qc.desk.audit.parameters import NOTEBOOKS
from komorebi_qc.desk.audit.run import AuditJob, audit
from komorebi_qc.desk.audit.status import AuditStatus

__all__ = ["NOTEBOOKS", "AuditJob", "AuditStatus", "audit"]
