"""Compares what a server really sent with botocore's own output shapes.

botocore's parsers skip what they do not know, so the bytes are read here once more, strictly: members that no shape
has, required members that are missing, values of another type, values outside an enumeration.
"""

import datetime
import json
import re
import xml.etree.ElementTree as ElementTree


def complaints(operation, status, headers, body):
    """Everything in an answer that does not fit the output shape of `operation`; nothing when all fits."""
    found = []
    if operation.service_model.protocol == "query":
        _query(operation, body, found)
    elif operation.output_shape is None:
        if body:
            found.append(f"a body where the model has no output: {body[:80]!r}")
    else:
        expected = "application/json" if operation.service_model.protocol == "rest-json" else "application/x-amz-json-1."
        if not headers.get("content-type", "").startswith(expected):
            found.append(f"content-type {headers.get('content-type')}")
        _json(operation.output_shape, json.loads(body), operation.output_shape.name, found)
    return found


def _query(operation, body, found):
    root = ElementTree.fromstring(body)
    namespace = operation.service_model.metadata["xmlNamespace"]
    if root.tag != f"{{{namespace}}}{operation.name}Response":
        found.append(f"root element {root.tag}")
    for element in root.iter():
        element.tag = element.tag.replace(f"{{{namespace}}}", "")
    names = [child.tag for child in root]
    shape = operation.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    if names != [name for name in (wrapper, "ResponseMetadata") if name]:
        found.append(f"elements {names}")
        return
    if not root.findtext("ResponseMetadata/RequestId"):
        found.append("no request id")
    if shape:
        _xml(shape, root.find(wrapper), shape.name, found)


def _structure(shape, names, path, found, wire_name):
    """Complains about unknown and missing names; gives the members that are there."""
    members = {wire_name(name, member): (name, member) for name, member in shape.members.items()}
    for name in names:
        if name not in members:
            found.append(f"{path}: unknown member {name}")
    for name in shape.required_members:
        if wire_name(name, shape.members[name]) not in names:
            found.append(f"{path}: required member {name} is missing")
    return {wire: members[wire][1] for wire in names if wire in members}


def _wire_name(name, member):
    return member.serialization.get("name", name)


def _json(shape, value, path, found):
    kinds = {
        "structure": dict,
        "map": dict,
        "list": list,
        "string": str,
        "blob": str,
        "boolean": bool,
        "integer": int,
        "long": int,
        "float": (int, float),
        "double": (int, float),
        "timestamp": (int, float),
    }
    if getattr(shape, "is_document_type", False):
        return
    expected = kinds[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != "boolean"):
        found.append(f"{path}: {shape.type_name} expected, got {value!r:.60}")
    elif shape.type_name == "structure":
        for wire, member in _structure(shape, list(value), path, found, _wire_name).items():
            _json(member, value[wire], f"{path}.{wire}", found)
    elif shape.type_name == "list":
        for at, item in enumerate(value):
            _json(shape.member, item, f"{path}[{at}]", found)
    elif shape.type_name == "map":
        for key, item in value.items():
            _text(shape.key, key, path, found)
            _json(shape.value, item, f"{path}[{key}]", found)
    elif shape.type_name == "string":
        _text(shape, value, path, found)


def _xml(shape, element, path, found):
    kind = shape.type_name
    if kind == "structure":
        names = [child.tag for child in element]
        for name in {name for name in names if names.count(name) > 1}:
            found.append(f"{path}: {name} occurs more than once")
        members = _structure(shape, names, path, found, _wire_name)
        for child in element:
            if child.tag in members:
                _xml(members[child.tag], child, f"{path}.{child.tag}", found)
    elif kind == "list":
        item = shape.member.serialization.get("name", "member")
        for at, child in enumerate(element):
            if child.tag != item:
                found.append(f"{path}: element {child.tag} in a list")
            _xml(shape.member, child, f"{path}[{at}]", found)
    elif kind == "map":
        for child in element:
            if [part.tag for part in child] != ["key", "value"]:
                found.append(f"{path}: an entry without key and value")
                continue
            _text(shape.key, child[0].text or "", path, found)
            _xml(shape.value, child[1], f"{path}[{child[0].text}]", found)
    else:
        if len(element):
            found.append(f"{path}: elements inside a {kind}")
        _scalar(shape, element.text or "", path, found)


def _scalar(shape, text, path, found):
    kind = shape.type_name
    if kind == "string":
        _text(shape, text, path, found)
    elif kind == "boolean" and text not in ("true", "false"):
        found.append(f"{path}: {text!r} is no boolean")
    elif kind in ("integer", "long") and not re.fullmatch(r"-?\d+", text):
        found.append(f"{path}: {text!r} is no integer")
    elif kind == "timestamp":
        try:
            datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            found.append(f"{path}: {text!r} is not written as AWS writes instants")


def _text(shape, text, path, found):
    allowed = getattr(shape, "enum", [])
    if allowed and text not in allowed:
        found.append(f"{path}: {text!r} is none of {allowed}")
    # Output lengths are bounds, too; patterns are not compared: the model's own dialect differs from Python's.
    bounds = shape.metadata
    if shape.type_name == "string" and not bounds.get("min", 0) <= len(text) <= bounds.get("max", len(text)):
        found.append(f"{path}: {len(text)} characters, outside {bounds.get('min')}..{bounds.get('max')}")
