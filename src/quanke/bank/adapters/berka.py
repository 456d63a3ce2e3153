"""PKDD'99 (Berka): the files of a Czech bank, real and anonymised, as hand-over files of our contracts.

`adapt(source, target)` reads the eight `.asc` files and writes one Parquet file a table. What the source
does not state is left out, never made up; `BerkaReport` says what was read, written, chosen and left out,
and how far the end-of-day balances that follow from the movements agree with those the ledger itself
prints.

The source prints movements and balances rounded to ten haler, so sums drift from the printed balance,
never by a crown. Rows of one day are not in the order they were booked in: a day agrees where the sum of
all movements up to it is one of the balances printed on it. The business date is the last day up to which
every account-day agrees: after it the file is not complete.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from quanke.bank.adapters.berka_files import FILES, BerkaFiles, SourceRow
from quanke.bank.adapters.handover import Row, write_bank, write_table
from quanke.bank.contracts import CONTRACTS
from quanke.kernel.calendars import add_months
from quanke.kernel.errors import InputError
from quanke.kernel.money import format_amount, half_up
from quanke.kernel.progress import Progress, SilentProgress

CURRENCY = "CZK"
SOURCE = "berka"
DRIFT = 100
"""How far a sum may stand from the printed balance and still agree: one crown, in haler."""

DIRECTIONS = {"PRIJEM": "in", "VYDAJ": "out", "VYBER": "out"}
"""`type` has a third value, VYBER (withdrawal): an outflow as well."""

KIND_OF_SYMBOL = {
    "DUCHOD": "pension",
    "UROK": "interest",
    "SANKC. UROK": "interest",  # charged, on an overdrawn account
    "SLUZBY": "fee",
    "SIPO": "utilities",  # household payments, collected
    "POJISTNE": "insurance_premium",
    "UVER": "loan_repayment",
}
KIND_OF_OPERATION = {
    "VKLAD": "cash",
    "VYBER": "cash",
    "VYBER KARTOU": "cash",
    "PREVOD Z UCTU": "transfer",
    "PREVOD NA UCET": "transfer",
}
"""What a movement is: by its symbol where it has one, else by its operation."""

BY_THE_BANK = ("interest", "fee")

CHOICES = (
    "Names are not in the data: a person is called 'client' and the number, a branch by its district.",
    "`birth_number` gives birth date and sex (month + 50 for women); it is no identity number.",
    "city is the region of the client's district, as the level above it.",
    "The branch of an account is its district; a person's home branch is that of the account.",
    "opened_on of a person is the opening of the account: the files know nothing earlier.",
    "A DISPONENT (may draw on another's account) is a relation `authorises` from the owner, from the "
    "opening of the account on; nothing says that they are family.",
    "A loan is an account of its own, `loan-N`: amount as credit limit, maturity by its duration.",
    "Cards are debit cards: what they draw is booked on the account at once, and no limit is stated.",
    "Penalty interest (SANKC. UROK) is interest going out; SIPO (household payments) is utilities.",
    "initiated is false for interest, fees and transfers received; a transfer out is ordered by the "
    "customer, by hand or as a standing order.",
    "Balances are the sums of the movements of each account-day, not the printed balance.",
)


@dataclass(frozen=True, slots=True)
class BerkaReport:
    """What `adapt` did. `read` counts rows by source file, `written` rows by table of the contracts.

    Account-days are days on which an account moved; `agreeing` of them follow from the sums within a
    crown, `exact` to the haler; `disagreeing` counts the others by day. Day `business_date` is the last
    before the first of those.
    """

    read: Mapping[str, int]
    written: Mapping[str, int]
    first_day: date
    last_day: date
    business_date: date
    account_days: int
    agreeing: int
    exact: int
    largest_drift: int
    disagreeing: Mapping[date, int]
    left_out: Sequence[str]

    @property
    def share_agreeing(self) -> str:
        """Share of account-days whose balance follows from the sums, in per cent with two decimals."""
        return f"{format_amount(half_up(self.agreeing * 10_000, self.account_days))} %"

    def lines(self) -> list[str]:
        """The report for a terminal."""
        lines = [
            f"PKDD'99 (Berka), a Czech bank in CZK: {self.first_day} to {self.last_day}",
            "Read:    " + ", ".join(f"{name} {count:,}" for name, count in self.read.items()),
            "Written: " + ", ".join(f"{name} {count:,}" for name, count in self.written.items()),
            f"End-of-day balances: {self.agreeing:,} of {self.account_days:,} account-days "
            f"({self.share_agreeing}) follow from the sums within {format_amount(DRIFT)} CZK, "
            f"{self.exact:,} of them exactly; the largest drift among them is "
            f"{format_amount(self.largest_drift)}, since the source rounds to 0.10.",
        ]
        if self.disagreeing:
            days = ", ".join(f"{count:,} on {day}" for day, count in sorted(self.disagreeing.items()))
            lines.append(f"Not following from the sums: {days}. The source lacks movements of that day.")
        lines.append(f"Business date: {self.business_date}, the last day up to which every balance follows.")
        lines += ["Chosen:", *(f"  {choice}" for choice in CHOICES)]
        lines += ["Left out:", *(f"  {what}" for what in self.left_out)]
        return lines

    def to_json(self) -> dict[str, object]:
        """The report as an object that `json.dumps` takes."""
        return {
            "source": SOURCE,
            "currency": CURRENCY,
            "read": dict(self.read),
            "tables": dict(self.written),
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "business_date": self.business_date.isoformat(),
            "balances": {
                "account_days": self.account_days,
                "agreeing": self.agreeing,
                "exact": self.exact,
                "largest_drift": format_amount(self.largest_drift, thousands=False),
                "share_percent": self.share_agreeing.removesuffix(" %"),
                "disagreeing": {day.isoformat(): count for day, count in sorted(self.disagreeing.items())},
            },
            "chosen": list(CHOICES),
            "left_out": list(self.left_out),
        }


def adapt(source: Path, target: Path, progress: Progress | None = None) -> BerkaReport:
    """Turn the PKDD'99 files in `source` into hand-over files in `target`, which is made where it is missing.

    `trans` may be `trans.asc.gz` or `trans.asc`. Raises InputError where a file is missing, is not of
    this form or refers to something that no file has. The same source gives the same bytes.
    """
    files = BerkaFiles.read(source, progress or SilentProgress())
    ledger = _DailyLedger.of(files.rows["trans"])
    tables: dict[str, list[Row]] = {
        "branches": [_branch(row) for row in files.rows["district"]],
        "parties": _parties(files),
        "relations": _relations(files),
        "accounts": _accounts(files),
        "cards": [_card(files, row) for row in files.rows["card"]],
        "transactions": [_transaction(files, row) for row in files.rows["trans"]],
        "balances": ledger.balances(),
    }
    target.mkdir(parents=True, exist_ok=True)
    written = {name: write_table(target, CONTRACTS[name], rows) for name, rows in tables.items()}
    report = _report(files, written, ledger)
    write_bank(target, CURRENCY, report.business_date)
    return report


def _party_id(row: SourceRow) -> str:
    return str(row.whole("client_id"))


def _account_id(row: SourceRow) -> str:
    return str(row.whole("account_id"))


def _branch_of(files: BerkaFiles, row: SourceRow) -> str:
    return str(files.look_up("district", row, "district_id").whole("A1"))


def _branch(district: SourceRow) -> Row:
    return {
        "branch_id": str(district.whole("A1")),
        "name": district.text("A2"),
        "kind": "outlet",
        "city": district.text("A3"),
        "district": district.text("A2"),
    }


def _parties(files: BerkaFiles) -> list[Row]:
    """Clients in the order of their file; each has exactly one disposition."""
    dispositions: dict[str, SourceRow] = {}
    for row in files.rows["disp"]:
        if dispositions.setdefault(_party_id(row), row) is not row:
            raise row.fault("client_id", "stands twice: a client has one disposition")
    parties = []
    for client in files.rows["client"]:
        if _party_id(client) not in dispositions:
            raise client.fault("client_id", "has no disposition in file disp")
        parties.append(_party(files, dispositions[_party_id(client)]))
    return parties


def _party(files: BerkaFiles, disposition: SourceRow) -> Row:
    client = files.look_up("client", disposition, "client_id")
    account = files.look_up("account", disposition, "account_id")
    home = files.look_up("district", client, "district_id")
    birth_date, sex = client.birth("birth_number")
    return {
        "source": SOURCE,
        "party_id": _party_id(client),
        "name": f"client {_party_id(client)}",
        "birth_date": birth_date,
        "sex": sex,
        "city": home.text("A3"),
        "district": home.text("A2"),
        "branch_id": _branch_of(files, account),
        "opened_on": account.day("date"),
    }


def _owners(files: BerkaFiles) -> dict[str, str]:
    """Account -> its owner."""
    return {_account_id(row): _party_id(row) for row in files.rows["disp"] if row.text("type") == "OWNER"}


def _owner_of(owners: Mapping[str, str], row: SourceRow) -> str:
    try:
        return owners[_account_id(row)]
    except KeyError:
        raise row.fault("account_id", "has no owner in file disp") from None


def _relations(files: BerkaFiles) -> list[Row]:
    owners = _owners(files)
    return [
        {
            "relation_id": f"disp-{row.whole('disp_id')}",
            "from_source": SOURCE,
            "from_party_id": _owner_of(owners, row),
            "to_source": SOURCE,
            "to_party_id": _party_id(row),
            "kind": "authorises",
            "from_date": files.look_up("account", row, "account_id").day("date"),
            "evidence": "account_disposition",
        }
        for row in files.rows["disp"]
        if row.one_of("type", {"OWNER": False, "DISPONENT": True})
    ]


def _accounts(files: BerkaFiles) -> list[Row]:
    """Current accounts, then loans: a loan is an account of the owner of the account it is paid from."""
    owners = _owners(files)
    accounts: list[Row] = [
        {
            "account_id": _account_id(row),
            "source": SOURCE,
            "party_id": _owner_of(owners, row),
            "category": "demand",
            "currency": CURRENCY,
            "branch_id": _branch_of(files, row),
            "opened_on": row.day("date"),
        }
        for row in files.rows["account"]
    ]
    for row in files.rows["loan"]:
        granted = row.day("date")
        accounts.append(
            {
                "account_id": f"loan-{row.whole('loan_id')}",
                "source": SOURCE,
                "party_id": _owner_of(owners, row),
                "category": "consumer_loan",
                "currency": CURRENCY,
                "branch_id": _branch_of(files, files.look_up("account", row, "account_id")),
                "opened_on": granted,
                "matures_on": add_months(granted, row.whole("duration")),
                "credit_limit": row.amount("amount"),
            }
        )
    return accounts


def _card(files: BerkaFiles, row: SourceRow) -> Row:
    disposition = files.look_up("disp", row, "disp_id")
    return {
        "card_id": str(row.whole("card_id")),
        "source": SOURCE,
        "party_id": _party_id(disposition),
        "account_id": _account_id(disposition),
        "kind": "debit",
        "issued_on": row.day("issued"),
    }


def _transaction(files: BerkaFiles, row: SourceRow) -> Row:
    symbol, operation = row.text("k_symbol"), row.text("operation")
    direction = row.one_of("type", DIRECTIONS)
    kind = KIND_OF_SYMBOL.get(symbol) or KIND_OF_OPERATION.get(operation, "other")
    received = direction == "in" and kind != "cash"
    return {
        "transaction_id": str(row.whole("trans_id")),
        "account_id": _account_id(files.look_up("account", row, "account_id")),
        "date": row.day("date"),
        "direction": direction,
        "amount": row.amount("amount"),
        "kind": kind,
        "initiated": not received and kind not in BY_THE_BANK,
        "counterparty_account": _stated(row, "account"),
        "counterparty_bank": _stated(row, "bank"),
    }


def _stated(row: SourceRow, field: str) -> str | None:
    """The other side of a movement; the source writes an absent one as nothing or as 0."""
    text = row.text(field)
    return text if text not in ("", "0") else None


@dataclass(frozen=True, slots=True)
class _AccountDay:
    """What the sums say of one account at a day's end, and the nearest balance the source prints on it."""

    account: int
    day: date
    balance: int
    nearest_printed: int

    @property
    def drift(self) -> int:
        return abs(self.balance - self.nearest_printed)


@dataclass(frozen=True, slots=True)
class _DailyLedger:
    """Account-days in order of account and day."""

    days: Sequence[_AccountDay]

    @classmethod
    def of(cls, rows: Sequence[SourceRow]) -> _DailyLedger:
        changes: dict[tuple[int, date], int] = defaultdict(int)
        printed: dict[tuple[int, date], list[int]] = defaultdict(list)
        for row in rows:
            place = row.whole("account_id"), row.day("date")
            sign = 1 if row.one_of("type", DIRECTIONS) == "in" else -1
            changes[place] += sign * row.amount("amount")
            printed[place].append(row.amount("balance"))
        days: list[_AccountDay] = []
        for account, day in sorted(changes):
            before = days[-1].balance if days and days[-1].account == account else 0
            balance = before + changes[account, day]
            # the nearest of the day: which of its rows was booked last is not said
            nearest = min(printed[account, day], key=lambda other: (abs(other - balance), other))
            days.append(_AccountDay(account, day, balance, nearest))
        return cls(days)

    def balances(self) -> list[Row]:
        """Rows of the balances contract."""
        return [{"account_id": str(d.account), "date": d.day, "balance": d.balance} for d in self.days]


def _report(files: BerkaFiles, written: Mapping[str, int], ledger: _DailyLedger) -> BerkaReport:
    agreeing = [day for day in ledger.days if day.drift <= DRIFT]
    disagreeing = Counter(day.day for day in ledger.days if day.drift > DRIFT)
    moved = sorted({day.day for day in ledger.days})
    if not moved:
        raise InputError("holds no movement", file="trans.asc")
    whole_days = [day for day in moved if not disagreeing or day < min(disagreeing)]
    rows = {name: len(files.rows[name]) for name in FILES}
    return BerkaReport(
        read=rows,
        written=written,
        first_day=moved[0],
        last_day=moved[-1],
        business_date=whole_days[-1] if whole_days else moved[0],
        account_days=len(ledger.days),
        agreeing=len(agreeing),
        exact=sum(day.drift == 0 for day in agreeing),
        largest_drift=max((day.drift for day in agreeing), default=0),
        disagreeing=disagreeing,
        left_out=_left_out(files),
    )


def _left_out(files: BerkaFiles) -> list[str]:
    unknown = sum(value == "?" for row in files.rows["district"] for value in row.values.values())
    return [
        f"order: all {len(files.rows['order']):,} rows; the contracts have no standing orders.",
        "loan: payments (amount / duration), and status, which looks back from 1998.",
        "loan balances: the source has none; what was repaid shows in the account's movements only.",
        "card: type (classic, junior, gold). account: frequency of statements.",
        f"district: 13 figures about its people, {unknown} of them '?'.",
        "trans: balance, which the report compares; bank and account of the other side where empty or 0.",
    ]
