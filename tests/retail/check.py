"""Computes with pandas what app.sql computes, and compares row by row.

    vencejo run tests/retail --input purchases=online_retail.csv.gz --output OUT
    python tests/retail/check.py online_retail.csv.gz OUT

Amounts are exact on both sides: DECIMAL there, integers of thousandths here.
"""

import json
import sys
from decimal import Decimal

import pandas as pd


def thousandths(price: str) -> int:
    scaled = Decimal(price) * 1000
    return int(scaled.to_integral_value(rounding="ROUND_HALF_UP"))


def load(path: str) -> pd.DataFrame:
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows["time"] = pd.to_datetime(rows["InvoiceDate"])
    rows["Quantity"] = rows["Quantity"].astype("int64")
    rows["amount"] = rows["Quantity"] * rows["UnitPrice"].map(thousandths)
    return rows


def stamp(times: pd.Series) -> pd.Series:
    return times.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3]


def revenue(rows: pd.DataFrame) -> list:
    days = stamp(rows["time"].dt.floor("D"))
    groups = rows.groupby([days.rename("day"), "Country"])
    table = groups.agg(
        revenue=("amount", "sum"), lines=("amount", "size"), invoices=("InvoiceNo", "nunique")
    )
    return sorted(table.reset_index().itertuples(index=False, name=None))


def top_products(rows: pd.DataFrame) -> list:
    # Weeks from 1970-01-01, as windows of seven days begin.
    week = 7 * 24 * 3600
    seconds = (rows["time"] - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
    weeks = stamp(pd.to_datetime(seconds // week * week, unit="s"))
    sums = rows.groupby([weeks.rename("week"), "StockCode"])[["Quantity", "amount"]].sum().reset_index()
    # Strings order by their bytes.
    sums = sums.sort_values(["week", "Quantity", "StockCode"], ascending=[True, False, True])
    sums["place"] = sums.groupby("week").cumcount() + 1
    return sorted(sums[sums["place"] <= 10].itertuples(index=False, name=None))


def returning_customers(rows: pd.DataFrame) -> list:
    bought = rows[(rows["CustomerID"] != "") & ~rows["InvoiceNo"].str.startswith("C")]
    table = bought.groupby("CustomerID").agg(
        invoices=("InvoiceNo", "nunique"), amount=("amount", "sum"), first=("time", "min"), last=("time", "max")
    )
    table = table[table["invoices"] > 1].reset_index()
    table["first"], table["last"] = stamp(table["first"]), stamp(table["last"])
    return sorted(table.itertuples(index=False, name=None))


def printed(folder: str, name: str) -> list:
    with open(f"{folder}/{name}.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line, parse_float=Decimal)["row"].values() for line in lines]
    # The only numbers with a point are amounts.
    return sorted(tuple(int(v * 1000) if isinstance(v, Decimal) else v for v in row) for row in rows)


def compare(name: str, expected: list, actual: list) -> bool:
    if expected == actual:
        print(f"{name}: {len(actual)} rows are equal")
        return True
    absent, extra = set(expected) - set(actual), set(actual) - set(expected)
    print(f"{name}: {len(expected)} rows expected, {len(actual)} printed; {len(absent)} absent, {len(extra)} extra")
    print("absent:", sorted(absent)[:3])
    print("extra:", sorted(extra)[:3])
    return False


def main() -> int:
    _, data, folder = sys.argv
    rows = load(data)
    same = [
        compare("revenue", revenue(rows), printed(folder, "revenue")),
        compare("top_products", top_products(rows), printed(folder, "top_products")),
        compare("returning_customers", returning_customers(rows), printed(folder, "returning_customers")),
    ]
    print(f"{len(rows)} rows, revenue {Decimal(int(rows['amount'].sum())) / 1000}")
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
