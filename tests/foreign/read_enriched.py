#!/usr/bin/env python3
"""Reads `transactions.enriched` with Confluent's own Python client: the public contract as a stranger sees it.

Usage: read_enriched.py ENDPOINTS_JSON [--at-least N] [--within SECONDS]
ENDPOINTS_JSON is what `connector dev` writes. Exit code 0 only if N records came and every one keeps the contract.
"""

import argparse
import json
import sys
import time
import uuid
from decimal import Decimal

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "transactions.enriched"
SHOWN = 20


def arguments():
    parser = argparse.ArgumentParser(description="Read enriched transactions as a foreign client.")
    parser.add_argument("endpoints", help="endpoints.json of a running `connector dev`")
    parser.add_argument("--at-least", type=int, default=100, metavar="N", help="records that must come")
    parser.add_argument("--within", type=int, default=90, metavar="SECONDS", help="how long to wait for them")
    return parser.parse_args()


def consumer(bootstrap_servers):
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"foreign-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )


def messages(source, seconds):
    """Yields (key, value) from the beginning of the topic until the time is up."""
    deadline = time.monotonic() + seconds
    source.subscribe([TOPIC])
    while time.monotonic() < deadline:
        message = source.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        yield message.key(), message.value()


def check(key, record):
    """Raises if the record breaks what the topic promises about every record."""
    transaction, enrichment = record["transaction"], record["enrichment"]
    assert str(uuid.UUID(key.decode())) == key.decode(), "the key is no UUID in its usual spelling"
    assert str(transaction["transaction_id"]) == key.decode(), "the key is not the transaction's id"
    assert isinstance(transaction["amount"], Decimal), "the amount is no decimal"
    assert len(transaction["currency"]) == 3, "the currency is no ISO 4217 code"
    assert enrichment["category_primary"] and enrichment["category_detailed"], "the category is missing"
    assert 0 <= enrichment["confidence_permille"] <= 1000, "the confidence is out of range"
    assert enrichment["source"] and enrichment["why"], "the category comes without source or reason"
    merchant = enrichment["merchant"]
    assert merchant is None or (merchant["id"] and merchant["name"]), "the merchant has no id or no name"


def read(endpoints, wanted, seconds):
    """Returns the last value of each key once `wanted` keys are there, or when the time is up."""
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": endpoints["registry"]}))
    context = SerializationContext(TOPIC, MessageField.VALUE)
    source, records = consumer(endpoints["bootstrap_servers"]), {}
    try:
        for key, value in messages(source, seconds):
            record = deserialize(value, context)
            if record is None:  # a tombstone: the transaction was erased
                records.pop(key, None)
                continue
            check(key, record)
            records[key] = record
            if len(records) >= wanted:
                break
    finally:
        source.close()
    return list(records.values())


def line(record):
    transaction, enrichment = record["transaction"], record["enrichment"]
    merchant = enrichment["merchant"]
    day = str(transaction["booking_date"] or transaction["transaction_date"] or "pending")
    name = merchant["name"] if merchant else enrichment["clean_description"]
    amount = f"{transaction['amount']:,.2f} {transaction['currency']}"
    return f"{day:<12}{name[:30]:<32}{amount:>16}  {enrichment['category_detailed']}"


def main():
    options = arguments()
    with open(options.endpoints, encoding="utf-8") as file:
        endpoints = json.load(file)
    records = read(endpoints, options.at_least, options.within)
    print("\n".join(map(line, records[:SHOWN])))
    named = sum(1 for record in records if record["enrichment"]["merchant"])
    print(f"{len(records)} records of {TOPIC}, {named} with a merchant")
    if len(records) < options.at_least or not named:
        sys.exit(f"expected at least {options.at_least} records within {options.within} s, some with a merchant")


if __name__ == "__main__":
    main()
