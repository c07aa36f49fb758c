#!/usr/bin/env python3
"""Counts deliveries by channel and fallbacks by reason, hour by hour, from goniec's journal.

    fallbacks.py HOST:PORT [PREFIX]

Reads what there is and ends. Needs confluent-kafka (pip install confluent-kafka).
"""

import collections
import json
import sys

from confluent_kafka import Consumer, KafkaError, TopicPartition

WANTED = {"goniec.message.delivered.v1": "delivered on {channel}", "goniec.message.fell_back.v1": "fell back: {reason}"}


def records(brokers, topic):
    consumer = Consumer({
        "bootstrap.servers": brokers, "group.id": "fallbacks-example", "enable.auto.commit": False,
        "isolation.level": "read_committed", "enable.partition.eof": True, "enable.metrics.push": False,
    })
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    open_partitions = set(partitions)
    while open_partitions:
        message = consumer.poll(10)
        if message is None:
            raise SystemExit("the broker does not answer")
        if not message.error():
            yield message
        elif message.error().code() == KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition())
        else:
            raise SystemExit(str(message.error()))
    consumer.close()


def main():
    prefix = sys.argv[2] if len(sys.argv) > 2 else "goniec."
    counts = collections.Counter()
    for message in records(sys.argv[1], prefix + "messages"):
        headers = {name: value.decode() for name, value in message.headers()}
        if headers["ce_type"] in WANTED:
            data = json.loads(message.value())
            counts[headers["ce_time"][:13] + ":00", WANTED[headers["ce_type"]].format(**data)] += 1
    for (hour, what), n in sorted(counts.items()):
        print(f"{hour}  {n:8}  {what}")


if __name__ == "__main__":
    main()
