"""managed_policies.tsv and managed_policies.bin."""

import base64
import datetime
import hashlib
import json
import re

from chunks import Chunks, clean

ARN = "arn:aws:iam::aws:policy"
TOP = ["Version", "Id", "Statement"]
STATEMENT = [
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
]


def ordered(value, order):
    return {key: value[key] for key in sorted(value, key=lambda k: (order.index(k) if k in order else len(order), k))}


def canonical(document):
    """Compact JSON in the key order in which AWS writes policies."""
    document = ordered(document, TOP)
    statements = document["Statement"]
    if isinstance(statements, dict):
        document["Statement"] = ordered(statements, STATEMENT)
    else:
        document["Statement"] = [ordered(statement, STATEMENT) for statement in statements]
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True)


def derived_id(arn):
    """ANPA and 17 base-32 characters of the ARN's SHA-256, for policies whose real id no package carries."""
    return "ANPA" + base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17]


def seconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def real_ids(data):
    """ARN -> policy id, of the package that still lists them."""
    return {policy["Arn"]: policy["PolicyId"] for policy in data.values()}


def descriptions(source):
    """ARN -> description, out of the comments of a generated module."""
    pairs = re.findall(r"/\*\* (.*?) \*/\s+AwsManagedPolicy\.\w+ = '([^']+)';", source)
    return {f"{ARN}/{name}": text for text, name in pairs}


def cross_check(data, other):
    """Refuses a document that the second package shows differently for the same version."""
    by_arn = {policy["arn"]: policy for policy in other.values()}
    for name, policy in data.items():
        version = by_arn.get(ARN + policy["Path"] + name, {}).get("versions", {}).get(policy["DefaultVersionId"])
        if version and version["document"] != policy["Document"]:
            raise SystemExit(f"{name} {policy['DefaultVersionId']}: the two packages disagree")


def files(data, ids, texts):
    chunks = Chunks(48 * 1024)
    lines = []
    for name in sorted(data, key=lambda n: n.encode()):
        policy = data[name]
        document = canonical(policy["Document"])
        arn = ARN + policy["Path"] + name
        chunk, offset = chunks.add(document)
        fields = [
            arn, ids.get(arn) or derived_id(arn), policy["DefaultVersionId"], seconds(policy["CreateDate"]),
            seconds(policy["UpdateDate"]), chunk, offset, len(document), clean(texts.get(arn, "")),
        ]
        lines.append("\t".join(map(str, fields)) + "\n")
    return {"managed_policies.tsv": "".join(lines).encode(), "managed_policies.bin": chunks.file()}
