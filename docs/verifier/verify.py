#!/usr/bin/env python3
"""A second verifier of goniec's journal, written from docs/audit.md alone.

    verify.py journal --brokers HOST:PORT [--prefix goniec.] --installation ID
                      [--checkpoint FILE ...] [--key FILE] [--json]
    verify.py records FILE --installation ID [--checkpoint FILE ...] [--key FILE] [--json]
    verify.py proof FILE --key FILE

`journal` needs the package confluent-kafka (requirements.txt), the others nothing
but Python 3.9. `records` reads a file as those in docs/audit-vectors are. They end with 0 when all is right, with 1 when something is not
what was written, with 2 when they could not look.
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import json
import re
import struct
import sys
import time
import uuid

TOPICS = ("messages", "accounts")
HASHED = (
    "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_recordedtime",
    "ce_streamversion", "ce_commandid", "ce_causationid", "ce_correlationid", "ce_account", "ce_actor", "ce_epoch",
)
AFTER = ("ce_prevhash", "ce_hash", "traceparent", "content-type", "ce_inbox")
OPTIONAL = {"ce_commandid", "ce_causationid", "ce_correlationid", "ce_account", "ce_actor", "traceparent", "ce_inbox"}
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
NUMBER = re.compile(r"0|[1-9][0-9]*")
LARGEST = 2**63 - 1
HASH = re.compile(r"[0-9a-f]{64}")


class Wrong(Exception):
    """What is not as it was written."""


# ---------------------------------------------------------------- the chain


def sha256(*parts):
    h = hashlib.sha256()
    for p in parts:
        h.update(p)
    return h.digest()


def field(value):
    if value is None:
        return b"\xff\xff\xff\xff"
    return struct.pack(">I", len(value)) + value


def event_hash(previous, key, headers, value):
    """headers: a dict of bytes."""
    parts = [field(b"goniec-event-v1"), field(previous), field(key)]
    parts += [field(headers.get(name)) for name in HASHED]
    return sha256(*parts, field(value))


def first_previous(installation, topic, partition):
    return sha256(f"{installation}\n{topic}\n{partition}".encode())


def text(headers, name):
    return headers[name].decode() if name in headers else ""


def number(headers, name):
    value = text(headers, name)
    if not is_number(value):
        raise Wrong(f"{name} is not a number")
    return int(value)


def is_number(value):
    return NUMBER.fullmatch(value) is not None and len(value) < 20 and int(value) <= LARGEST


def is_time(value):
    if not TIME.fullmatch(value):
        return False
    try:
        datetime.datetime.fromisoformat(value[:-1])  # is there such a day?
    except ValueError:
        return False
    return True


def read_headers(pairs):
    """The headers as a dict; they have to be those of an event, in their order."""
    order = [name for name in HASHED + AFTER]
    at, out = 0, {}
    for name, value in pairs:
        while at < len(order) and order[at] != name:
            at += 1
        if at == len(order):
            raise Wrong("its headers are not those that were written")
        at += 1
        out[name] = value or b""
    missing = set(order) - OPTIONAL - set(out)
    if missing or any(v == b"" for v in out.values()):
        raise Wrong("its headers are not those that were written")
    if out["ce_specversion"] != b"1.0" or out["content-type"] != b"application/json":
        raise Wrong("its headers are not those that were written")
    for name in ("ce_time", "ce_recordedtime"):
        if not is_time(text(out, name)):
            raise Wrong(f"{name} is not a time")
    for name in ("ce_streamversion", "ce_epoch"):
        number(out, name)
    inbox = text(out, "ce_inbox").split(",") if "ce_inbox" in out else ["0", "0"]
    if len(inbox) != 2 or not all(is_number(n) for n in inbox):
        raise Wrong("ce_inbox is not two offsets")
    for name in ("ce_prevhash", "ce_hash"):
        if not HASH.fullmatch(text(out, name)):
            raise Wrong(f"{name} is not a hash")
    return out


class Tree:
    """The right edge of a log as RFC 6962 describes it."""

    def __init__(self):
        self.size, self.edge = 0, []

    def add(self, leaf):
        h, n = leaf_hash(leaf), self.size
        while n & 1:
            h = node_hash(self.edge.pop(), h)
            n >>= 1
        self.edge.append(h)
        self.size += 1

    def root(self):
        if not self.edge:
            return sha256()
        h = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            h = node_hash(left, h)
        return h


def leaf_hash(data):
    return sha256(b"\x00", data)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


class Partition:
    """Checks one journal partition from its first event on."""

    def __init__(self, installation, topic, partition, kept):
        self.source = f"goniec/{installation}"
        self.topic, self.partition = topic, partition
        self.head = first_previous(installation, topic, partition)
        self.tree, self.events = Tree(), 0
        self.versions = {}  # a digest of the stream -> its last version
        self.recorded, self.epoch, self.sealed = "", 0, ""
        self.kept = sorted(kept, key=lambda line: line["size"])
        self.meet()

    def next(self, key, pairs, value):
        headers = read_headers(pairs)
        previous = bytes.fromhex(text(headers, "ce_prevhash"))
        computed = event_hash(previous, key, headers, value)
        fits = computed == bytes.fromhex(text(headers, "ce_hash"))
        if previous != self.head:
            raise Wrong("it does not follow the event before it: something between them was removed, inserted or moved"
                        if fits else "it neither follows the event before it nor matches its own hash")
        if not fits:
            raise Wrong("its content does not match its hash: it was changed")
        self.judge(key, headers, value)
        self.head = computed
        self.events += 1
        self.tree.add(computed)
        self.meet()

    def judge(self, key, headers, value):
        if headers["ce_subject"] != key:
            raise Wrong("ce_subject differs from the key")
        stream, version = hashlib.blake2b(key, digest_size=16).digest(), number(headers, "ce_streamversion")
        before = self.versions.get(stream, 0)
        if version != before + 1:
            raise Wrong(f"version {version} of the stream follows version {before}")
        self.versions[stream] = version
        recorded, epoch = text(headers, "ce_recordedtime"), number(headers, "ce_epoch")
        if recorded < self.recorded:
            raise Wrong("it was recorded before the event before it")
        if epoch < self.epoch:
            raise Wrong(f"epoch {epoch} comes after epoch {self.epoch}: a former owner wrote it")
        if text(headers, "ce_source") != self.source:
            raise Wrong("it comes from another installation")
        self.recorded, self.epoch = recorded, epoch
        self.place(key.decode())
        self.months(text(headers, "ce_type"), value)

    def place(self, stream):
        kind, _, name = stream.partition("/")
        if kind in ("message", "recipient", "parked") and uuid.UUID(name).int >> 112 != self.partition:
            raise Wrong("its stream belongs to another partition")

    def months(self, typ, value):
        if typ == "goniec.partition.evicted.v1":
            for message in json.loads(value)["messages"]:
                if not self.versions.pop(hashlib.blake2b(f"message/{message}".encode(), digest_size=16).digest(), 0):
                    raise Wrong("it evicts a message that the journal does not hold")
        if typ == "goniec.partition.period_sealed.v1":
            month = json.loads(value)["month"]
            if month <= self.sealed:
                raise Wrong(f"it seals the month {month}, and {self.sealed} is sealed already")
            self.sealed = month
        if typ == "goniec.message.charged.v1" and self.sealed:
            month = json.loads(value)["month"]
            if month <= self.sealed:
                raise Wrong(f"it is charged in the month {month}, and {self.sealed} is sealed already")

    def meet(self):
        """Compares with the checkpoints that end here."""
        while self.kept and self.kept[0]["size"] == self.events:
            line = self.kept.pop(0)
            if line["head"] != self.head or line["root"] != self.tree.root():
                raise Wrong(f"its first {line['size']} events are not those that the checkpoint of {line['time']} names: they were written anew")

    def ended(self):
        if self.kept:
            line = self.kept[0]
            raise Wrong(f"it ends before the {line['size']} events that the checkpoint of {line['time']} names: its end was cut off")


# ---------------------------------------------------------------- signed notes


def ed25519_verify(public, message, signature):
    """RFC 8032, 5.1.7."""
    p, q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, p - 2, p) % p

    def add(a, b):
        m, n = (a[1] - a[0]) * (b[1] - b[0]) % p, (a[1] + a[0]) * (b[1] + b[0]) % p
        c, e = 2 * a[3] * b[3] * d % p, 2 * a[2] * b[2] % p
        f, g, h, i = n - m, e - c, e + c, n + m
        return (f * g % p, h * i % p, g * h % p, f * i % p)

    def multiply(s, point):
        out = (0, 1, 1, 0)
        while s:
            if s & 1:
                out = add(out, point)
            point, s = add(point, point), s >> 1
        return out

    def decompress(data):
        y = int.from_bytes(data, "little")
        sign, y = y >> 255, y & ((1 << 255) - 1)
        if y >= p:
            return None
        x2 = (y * y - 1) * pow(d * y * y + 1, p - 2, p) % p
        x = pow(x2, (p + 3) // 8, p)
        if (x * x - x2) % p:
            x = x * pow(2, (p - 1) // 4, p) % p
        if (x * x - x2) % p or (x == 0 and sign):
            return None
        if x & 1 != sign:
            x = p - x
        return (x, y, 1, x * y % p)

    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = decompress(public), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= q:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % q
    by = 4 * pow(5, p - 2, p) % p
    base = decompress(by.to_bytes(32, "little"))
    left, right = multiply(s, base), add(r, multiply(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % p == 0 and (left[1] * right[2] - right[1] * left[2]) % p == 0


def read_key(line):
    name, digits, data = line.strip().split("+", 2)
    key = base64.b64decode(data, validate=True)
    if key[:1] != b"\x01" or len(key) != 33 or sha256(name.encode(), b"\n", key)[:4].hex() != digits:
        raise Wrong("not a public key of checkpoints")
    return name, bytes.fromhex(digits), key[1:]


def open_checkpoint(note, key):
    """The lines of a checkpoint that the key signed."""
    name, key_hash, public = key
    body, _, last = note.rpartition("\n\n")
    signed = (body + "\n").encode()
    found = re.fullmatch(r"\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})\n", last)
    if not found or found[1] != name:
        raise Wrong("the checkpoint is not a note that this key signed")
    signature = base64.b64decode(found[2], validate=True)
    if base64.b64encode(signature).decode() != found[2] or signature[:4] != key_hash or not ed25519_verify(public, signed, signature[4:]):
        raise Wrong("the checkpoint is not what the key signed")
    lines = body.split("\n")
    if lines[0] != "goniec checkpoint v1" or not lines[1].startswith("installation ") or not lines[2].startswith("time "):
        raise Wrong("not a checkpoint")
    out = {"installation": lines[1][13:], "time": lines[2][5:], "lines": []}
    for line in lines[3:]:
        f = line.split(" ")
        if len(f) != 6 or not all(is_number(n) for n in f[1:4]) or not all(HASH.fullmatch(h) for h in f[4:]):
            raise Wrong("a line of the checkpoint is not topic, partition, size, offset, head and root")
        out["lines"].append({"topic": f[0], "partition": int(f[1]), "size": int(f[2]), "next": int(f[3]),
                             "head": bytes.fromhex(f[4]), "root": bytes.fromhex(f[5]), "time": out["time"]})
    return out


# ---------------------------------------------------------------- proofs


def root_from_path(path, size, index, leaf):
    """RFC 9162, 2.1.3.2, which is RFC 6962's audit path spelled out."""
    if index >= size:
        raise Wrong("the index lies behind the end")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise Wrong("the path is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Wrong("the path is too short")
    return r


def consistent(path, old, new):
    """RFC 9162, 2.1.4.2."""
    if old["size"] == 0 or old["size"] == new["size"]:
        return not path and (old["size"] == 0 or old["root"] == new["root"])
    if old["size"] & (old["size"] - 1) == 0:
        path = [old["root"]] + path
    if not path:
        return False
    fn, sn = old["size"] - 1, new["size"] - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old["root"] and sr == new["root"] and sn == 0


def hashes(path):
    if not all(HASH.fullmatch(h) for h in path):
        raise Wrong("a path's hash is not 64 hexadecimal digits")
    return [bytes.fromhex(h) for h in path]


ORDER = {
    "goniec-proof-v1": ["format", "topic", "partition", "index", "key", "headers", "previous_hash", "value", "path", "checkpoint"],
    "goniec-consistency-v1": ["format", "old", "new", "paths"],
}


def spelled(proof):
    written = json.dumps(proof, indent=2, ensure_ascii=False) + "\n"
    return written.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def check_proof(data, key):
    """What the proof says, as a sentence."""
    p = json.loads(data)
    if not isinstance(p, dict) or list(p) != ORDER.get(p.get("format")) or spelled(p) != data:
        raise Wrong("it is written in another form")
    if p["format"] == "goniec-consistency-v1":
        return check_consistency(p, key)
    if not all(type(p[n]) is int and 0 <= p[n] <= LARGEST for n in ("partition", "index")):
        raise Wrong("its partition or index is not a number")
    checkpoint = open_checkpoint(p["checkpoint"], key)
    line = [x for x in checkpoint["lines"] if (x["topic"], x["partition"]) == (p["topic"], p["partition"])]
    names = [h[0] for h in p["headers"]]
    if len(line) != 1 or names != [n for n in HASHED if n in names] or not HASH.fullmatch(p["previous_hash"]):
        raise Wrong("it does not name a partition of the checkpoint, or the headers of an event")
    headers = {name: value.encode() for name, value in p["headers"]}
    h = event_hash(bytes.fromhex(p["previous_hash"]), p["key"].encode(), headers, p["value"].encode())
    if root_from_path(hashes(p["path"]), line[0]["size"], p["index"], leaf_hash(h)) != line[0]["root"]:
        raise Wrong("the event is not in the checkpoint's log at this place")
    return f"{text(headers, 'ce_type')} {text(headers, 'ce_id')} is event {p['index']} of {p['topic']}/{p['partition']} in the checkpoint of {checkpoint['time']}"


def check_consistency(p, key):
    old, new = open_checkpoint(p["old"], key), open_checkpoint(p["new"], key)
    same = [[(x["topic"], x["partition"]) for x in c["lines"]] for c in (old, new)]
    if old["installation"] != new["installation"] or same[0] != same[1] or len(p["paths"]) != len(old["lines"]):
        raise Wrong("the two are of different journals")
    for x, y, path in zip(old["lines"], new["lines"], p["paths"]):
        if y["size"] < x["size"] or not consistent(hashes(path), x, y):
            raise Wrong(f"{x['topic']}/{x['partition']} of the newer does not continue the older")
    return f"the checkpoint of {new['time']} continues that of {old['time']}"


# ---------------------------------------------------------------- reading


def read_journal(args, checkpoints):
    """The first fault of each partition, and the number of events."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition

    settings = {"enable.metrics.push": False, "bootstrap.servers": args.brokers, "group.id": "goniec-verifier", "enable.auto.commit": False,
                "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error",
                "fetch.message.max.bytes": 4 << 20, "queued.max.messages.kbytes": 32 << 10}
    settings.update(pair.split("=", 1) for pair in args.property)
    consumer = Consumer(settings)
    faults, events, tables = [], 0, []
    try:
        for topic in TOPICS:
            name = args.prefix + topic
            metadata = consumer.list_topics(name, timeout=30).topics[name]
            if metadata.error:
                raise RuntimeError(f"{name}: {metadata.error}")
            named = [sorted(x["partition"] for x in c["lines"] if x["topic"] == topic) for c in checkpoints]
            if any(n != sorted(metadata.partitions) for n in named):
                raise Wrong(f"a checkpoint names other partitions of {topic} than the journal has")
            for partition in sorted(metadata.partitions):
                fault, check = read_partition(consumer, TopicPartition(name, partition, 0), args.installation, topic, checkpoints, KafkaError)
                faults += [fault] if fault else []
                events += check.events if check else 0
                tables.append({"topic": name, "partition": partition, "events": check.events if check else 0, "head": check.head.hex() if check else ""})
    finally:
        consumer.close()
    return faults, events, tables


def read_records(args, checkpoints):
    """As read_journal, of a file."""
    partitions = {(line["topic"], line["partition"]): [] for c in checkpoints for line in c["lines"]}
    for line in read_text(args.file).splitlines():
        r = json.loads(line)
        headers = [(name, value.encode()) for name, value in r["headers"]]
        partitions.setdefault((r["topic"], r["partition"]), []).append((r["offset"], r["key"].encode(), headers, r["value"].encode()))
    faults, events, tables = [], 0, []
    for (topic, partition), records in partitions.items():
        fault, check = judge(args.installation, topic, topic, partition, checkpoints, 0, len(records), records)
        faults += [fault] if fault else []
        events += check.events if check else 0
        tables.append({"topic": topic, "partition": partition, "events": check.events if check else 0, "head": check.head.hex() if check else ""})
    return faults, events, tables


def judge(installation, topic, name, partition, checkpoints, low, high, records):
    """The first fault of a partition (topic: without the prefix, name: with it), and who found it; records: offset, key, headers, value."""
    kept = [line for c in checkpoints for line in c["lines"] if (line["topic"], line["partition"]) == (topic, partition)]
    fault, check = {"topic": name, "partition": partition, "offset": 0}, None
    try:
        check = Partition(installation, topic, partition, kept)
        if low > 0:
            fault["offset"] = low
            raise Wrong(f"the partition begins here: the records below offset {low} were deleted")
        for offset, key, headers, value in records:
            fault["offset"] = offset
            check.next(key, headers, value)
        fault["offset"] = high
        check.ended()
    except (Wrong, ValueError, KeyError) as wrong:
        fault["what"] = str(wrong) if isinstance(wrong, Wrong) else "not an event as it was written"
        return fault, check
    return None, check


def read_partition(consumer, at, installation, topic, checkpoints, KafkaError):
    low, high = consumer.get_watermark_offsets(at, timeout=30)

    def records():
        if high > 0:
            consumer.assign([at])
            for m in until_end(consumer, KafkaError):
                yield m.offset(), m.key() or b"", m.headers() or [], m.value() or b""

    try:
        return judge(installation, topic, at.topic, at.partition, checkpoints, low, high, records())
    finally:
        consumer.unassign()


def until_end(consumer, KafkaError):
    heard = time.monotonic()
    while time.monotonic() < heard + 60:
        for message in consumer.consume(1000, timeout=0.1):
            heard = time.monotonic()
            if not message.error():
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return
            else:
                raise RuntimeError(str(message.error()))
    raise RuntimeError("the broker does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    journal = commands.add_parser("journal", help="check a whole journal")
    journal.add_argument("--brokers", required=True)
    journal.add_argument("--prefix", default="goniec.")
    journal.add_argument("--property", action="append", default=[], help="a setting of librdkafka, NAME=VALUE, such as security.protocol=SASL_SSL")
    records = commands.add_parser("records", help="check the records of a file")
    records.add_argument("file")
    for command in (journal, records):
        command.add_argument("--installation", required=True)
        command.add_argument("--checkpoint", action="append", default=[])
        command.add_argument("--key", help="needed with --checkpoint")
        command.add_argument("--json", action="store_true")
    proof = commands.add_parser("proof", help="check a proof")
    proof.add_argument("file")
    proof.add_argument("--key", required=True)
    args = parser.parse_args()
    try:
        if args.command == "proof":
            print(check_proof(read_text(args.file), read_key(read_text(args.key))))
            return 0
        return verify(args)
    except (Wrong, binascii.Error, ValueError, KeyError, TypeError) as wrong:
        print(f"verify.py: {wrong}", file=sys.stderr)
        return 1
    except Exception as fault:  # pylint: disable=broad-except # whatever keeps it from looking
        print(f"verify.py: {fault}", file=sys.stderr)
        return 2


def read_text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def verify(args):
    checkpoints = []
    if args.checkpoint and not args.key:
        raise Wrong("--key is needed with --checkpoint")
    for path in args.checkpoint:
        checkpoints.append(open_checkpoint(read_text(path), read_key(read_text(args.key))))
        if checkpoints[-1]["installation"] != args.installation:
            raise Wrong("the checkpoint is of another installation")
    began = time.monotonic()
    faults, events, partitions = (read_journal if args.command == "journal" else read_records)(args, checkpoints)
    if args.json:
        print(json.dumps({"intact": not faults, "events": events, "partitions": partitions, "broken": faults}))
    else:
        for f in faults:
            print(f"broken at {f['topic']}/{f['partition']} offset {f['offset']}: {f['what']}")
        if not faults:
            print(f"intact: {events} events, {time.monotonic() - began:.1f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
