"""``python -m komorebi_qc`` is the same as ``komorebi-qc``."""

from komorebi_qc.cli.main import main

if __name__ == "__main__":
    main()
