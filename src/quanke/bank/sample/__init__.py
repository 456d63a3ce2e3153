"""A believable city branch, made up: `write_sample(target)` writes what a bank would hand over.

People, money and staff of a Shenzhen branch with a year of movements, and beside them in `truth/` what is
really so: who is one person, who leaves and why, what was planted, what campaigns truly moved. Deterministic
by seed and size on any machine; made in blocks of customers and streamed, so that ten million fit.

What is written: `bank.json`; `<table>_<last day>.parquet` for what stands as of the last day, contacts and
pushes; `transactions`, `balances` and `channel_events` by month. All in zstd, money as whole fen in
`<name>_fen`. And `truth/`, which is no table of a contract and which loading passes over:

* `who_is_who`: which person (0 ...) each party record (source, party_id) is.
* `churners`: who leaves, the day, the cause, the fen taken out.
* `fx_splits`: planted groups by pattern of domain.md FX-4, members with account, day and minor units; near
  misses have `hit` false.
* `misconduct`: staff, post, customer, day, fen, by kind.
* `treatment_effects`: by campaign and participant the arm, whether reached, what treatment adds to the
  balance (`effect_fen`: already in the data of those reached, and of nobody else), and whether the person
  converts without and with treatment.
* `life_events`: house, child, retirement, job change, moving away, death, churn, closed.
* `dirty_records`: table, key (parts joined by "|") and kind of every row spoilt on purpose.
"""

from __future__ import annotations

from quanke.bank.sample.writing import SampleReport, write_sample

__all__ = ["SampleReport", "write_sample"]
