"""services.tsv, services.bin, global_condition_keys.tsv and condition_key_prefixes.tsv."""

import json
import re

from chunks import Chunks, clean

# Services whose operations the product implements: their texts carry descriptions, and each has a chunk of its own.
IMPLEMENTED = {
    "account", "cloudtrail", "ds", "ds-data", "iam", "identity-sync", "identitystore", "identitystore-auth",
    "organizations", "signin", "sso", "sso-directory", "sso-oauth", "sts",
}
ACCESS = {
    "List": "L", "Read": "R", "Write": "W", "Permissions management, Write": "P", "Tagging, Write": "T",
}
# Global keys of the IAM User Guide that the package leaves out.
ADDED_GLOBAL_KEYS = {"aws:PrincipalOrgMasterAccountId": "String"}
SEPARATORS = set("\t\n;|,")


def joined(values):
    for value in values:
        plain(value)
    return ",".join(values)


def plain(value):
    if SEPARATORS & set(value):
        raise SystemExit(f"a separator occurs in {value!r}")
    return value


def action_line(action, described):
    resources = ";".join(
        "|".join([
            plain(item["name"]), "1" if item["required"] else "0", joined(item["conditionKeys"]),
            joined(item["dependentActions"]),
        ])
        for item in action["resourceTypes"]
    )
    fields = [
        plain(action["name"]), ACCESS[action["accessLevel"]], resources, joined(action["conditionKeys"]),
        joined(action["dependentActions"]), clean(action["description"]) if described else "",
    ]
    return "\t".join(fields) + "\n"


def resource_line(resource):
    return "\t".join([plain(resource["key"]), resource["arn"], joined(resource.get("conditionKeys", []))]) + "\n"


def key_line(key, described):
    return "\t".join([plain(key["key"]), key["type"], clean(key["description"]) if described else ""]) + "\n"


def section(entries, name, line):
    return "".join(line(entry) for entry in sorted(entries.values(), key=lambda e: e[name].lower()))


def service_files(read, rcp):
    names = json.loads(read("data/serviceNames.json"))
    chunks = Chunks(32 * 1024)
    lines = []
    for service in sorted(json.loads(read("data/services.json"))):
        described = service in IMPLEMENTED
        sections = [
            section(json.loads(read(f"data/actions/{service}.json")), "name", lambda a: action_line(a, described)),
            section(json.loads(read(f"data/resourceTypes/{service}.json")), "key", resource_line),
            section(json.loads(read(f"data/conditionKeys/{service}.json")), "key", lambda k: key_line(k, described)),
        ]
        chunk, offset = chunks.add("".join(sections), alone=described)
        fields = [service, clean(names[service]), int(service in rcp), chunk, offset, *(len(s.encode()) for s in sections)]
        lines.append("\t".join(map(str, fields)) + "\n")
    return {"services.tsv": "".join(lines).encode(), "services.bin": chunks.file()}


def global_keys(read):
    source = read("dist/esm/globalConditionKeys.js")
    pairs = dict(re.findall(r"key: '([^']+)',\s+category: '[^']+',\s+type: '([^']+)'", source))
    if len(pairs) != source.count("key: '"):
        raise SystemExit("globalConditionKeys.js is written differently than expected")
    keys = {key.replace("tag-key", "${TagKey}"): kind for key, kind in pairs.items()} | ADDED_GLOBAL_KEYS
    return "".join(f"{key}\t{keys[key]}\t\n" for key in sorted(keys, key=str.lower)).encode()


def key_prefixes(read):
    """Which service describes the keys of a prefix that is not a service; prefixes with variables are left to sts."""
    prefixes = json.loads(read("data/unassociatedConditions.json"))
    lines = [f"{prefix}\t{owners[0]}\n" for prefix, owners in sorted(prefixes.items()) if "$" not in prefix]
    return "".join(lines).encode()


def files(read):
    result = service_files(read, set(json.loads(read("data/rcpSupportedServices.json"))))
    result["global_condition_keys.tsv"] = global_keys(read)
    result["condition_key_prefixes.tsv"] = key_prefixes(read)
    return result
