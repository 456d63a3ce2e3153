"""What an arranged column is made of, as SQL over `checked` rows."""

from __future__ import annotations

from quanke.bank.arranged import FLAGS, Column, arranged, names_party, sides
from quanke.bank.load.checked import Checked
from quanke.bank.sql import quoted


def output_columns(unit: Checked, ordinal: int) -> dict[str, str]:
    """Arranged column -> SQL. A column of `Home.currency` that needs no conversion is left to the caller."""
    return {
        column.name: _output(unit, column, ordinal)
        for column in arranged(unit.contract.name)
        if column.name != "delta"
    }


def select_list(columns: dict[str, str]) -> str:
    """`<sql> AS "<name>"`, separated by commas."""
    return ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())


def _output(unit: Checked, column: Column, ordinal: int) -> str:
    contract, name = unit.contract, column.name
    aliases = {lookup.alias for lookup in unit.lookups.joins}
    if name == "unit":
        return f"{ordinal}::INTEGER"
    if name in {f"{side}_{number}" for side in sides(contract) for number in ("customer", "party")}:
        return f"p_{name}"
    if name == "party":
        return "p_party" if names_party(contract) else "NULL::INTEGER"
    if name == "customer":
        return "p_customer" if names_party(contract) else "a_customer" if "a" in aliases else "NULL::INTEGER"
    if name == "account":
        return "a_account" if "a" in aliases else "NULL::INTEGER"
    for identifier, flag in FLAGS.items():
        if name == flag:
            return _flag(unit, identifier)
    if name in contract.by_name:
        amount = contract.name == "transactions" and name == "amount" and unit.rated
        return "home_amount" if amount else quoted(f"v_{name}")
    if name == "amount_original":
        return "v_amount"
    if contract.name == "holdings":
        return "x_product_id_category"
    return f"a_{name}"


def _flag(unit: Checked, identifier: str) -> str:
    """Whether an identifier passes its check; null where there is none.

    Staff have no `id_type`: theirs is read as a resident identity number.
    """
    value = quoted(f"v_{identifier}")
    if identifier == "id_number":
        id_type = "v_id_type::VARCHAR" if "id_type" in unit.contract.by_name else "'resident_id'"
        check = f"valid_id_number({id_type}, {value})"
    else:
        check = f"valid_mobile({value})" if identifier == "phone" else f"valid_uscc({value})"
    return f"CASE WHEN {value} IS NOT NULL THEN {check} END"
