#!/usr/bin/env python3
"""An example billing job: writes an invoice file for each account that has closed a month.

It reads the views of docs/billing-contract.md with a role that may only read, in one snapshot, and writes
OUT/<account>-<month>.json. Run it as often as you like: an invoice is made once for each account and month, and a repeat
compares. It stops, and writes nothing for that account, at a kind of line that it does not know, at a total that is not the
sum of the lines, and at a file that says something else than the month does.

    BILLING_DSN=postgresql://invoicing:…@db/goniec ./billing_job.py 2026-11 invoices/

Ends with 0 when every closed month has its invoice, with 1 when it stopped at one, with 2 when it was called wrongly.
Needs Python 3.9 and psycopg2 (Debian: python3-psycopg2).
"""

import json
import os
import re
import sys
import tempfile
from decimal import Decimal

import psycopg2
import psycopg2.extras

# What each kind of line is called on the invoice. A kind that is not here is nobody's to guess.
KINDS = {
    "usage": "messages",
    "adjustment": "messages of an earlier month",
    "minimum": "minimum, the rest of it",
    "minimum_credit": "minimum of an earlier month, given back",
    "credit": "credit",
}

MONTHS = """
    SELECT m.account::text, m.month, m.closed_at, m.total, m.currency, s.statement -> 'party' AS party
    FROM goniec.billing_months m JOIN goniec.billing_statements s USING (account, month)
    WHERE m.month = %s AND m.state = 'closed' ORDER BY m.account"""

LINES = """
    SELECT number, kind, rule, sender, country, channel, category, content, price_version, adjusts, count, parts, amount, note
    FROM goniec.billing_lines WHERE account = %s AND month = %s ORDER BY number"""


class Stop(Exception):
    """This account's month cannot be invoiced as it is."""


def invoice(month, lines):
    """The invoice of a closed month. Amounts stay decimals, as strings."""
    positions = []
    for line in lines:
        if line["kind"] not in KINDS:
            raise Stop(f"line {line['number']} is of kind {line['kind']!r}, which this job does not know")
        told = {key: value for key, value in line.items() if value is not None}
        told["amount"] = str(line["amount"])
        told["text"] = KINDS[line["kind"]]
        positions.append(told)
    total = sum((line["amount"] for line in lines), Decimal("0.00"))
    if total != month["total"]:
        raise Stop(f"the lines add up to {total}, and the month says {month['total']}")
    return {
        "id": f"{month['account']}-{month['month']}",
        "account": month["account"],
        "month": month["month"],
        "closed_at": month["closed_at"].isoformat(),
        "bill_to": month["party"],
        "currency": month["currency"],
        "total": str(total),
        "positions": positions,
    }


def write_once(path, content):
    """Writes the file whole or not at all. True if it is new; Stop if it is there with something else."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() != content:
                raise Stop(f"{path} is there already and says something else")
        return False
    descriptor, part = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike a rename it takes no other run's place
    except FileExistsError:
        raise Stop(f"another run has just written {path}: repeat") from None
    finally:
        os.unlink(part)
    return True


def run(connection, month, out):
    """Invoices every closed month of that name; returns how many accounts it stopped at."""
    stopped = 0
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(MONTHS, (month,))
        for closed in cursor.fetchall():
            cursor.execute(LINES, (closed["account"], month))
            try:
                made = invoice(closed, cursor.fetchall())
                new = write_once(os.path.join(out, made["id"] + ".json"), json.dumps(made, ensure_ascii=False, indent=2) + "\n")
            except Stop as fault:
                stopped += 1
                print(f"{closed['account']}: STOPPED: {fault}", file=sys.stderr)
                continue
            print(f"{made['id']}: {made['total']} {made['currency']}{'' if new else ', invoiced before'}")
    return stopped


def main(args):
    dsn = os.environ.get("BILLING_DSN", "")
    if len(args) != 2 or not re.fullmatch(r"\d{4}-\d{2}", args[0]) or not dsn:
        print("usage: BILLING_DSN=postgresql://… billing_job.py MONTH OUT", file=sys.stderr)
        return 2
    month, out = args
    os.makedirs(out, exist_ok=True)
    connection = psycopg2.connect(dsn)
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        connection.cursor().execute("SET TIME ZONE 'UTC'")  # times are written the same everywhere
        return 1 if run(connection, month, out) else 0
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
