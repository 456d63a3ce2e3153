"""A believable city branch, made up: `write_sample(target)` writes what a bank would hand over.

People, money and staff of a Shenzhen branch with a year of movements, and beside them in `truth/` what is
really so: who is one person, who leaves and why, what was planted, what campaigns truly moved. Deterministic
by seed and size on any machine; made in blocks of customers and streamed, so that ten million fit.
"""

from __future__ import annotations

from quanke.bank.sample.writing import SampleReport, write_sample

__all__ = ["SampleReport", "write_sample"]
