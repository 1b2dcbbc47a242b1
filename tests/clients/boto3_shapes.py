#!/usr/bin/env python3
"""Walks every served operation once with boto3 and validates each answer against botocore's output shapes.

    boto3_shapes.py <program>

Fails when an answer does not fit, when a call of the walk is refused, or when an operation that the program says it
serves never succeeded and has no reason in NEVER_SUCCEEDS.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
import botocore.config
import botocore.session

import shapes
from walk import Walk
from walk_sso import SingleSignOn

DIRECTORY = "takes a domain controller; the tests of the directory crate have one"
# A domain is made by a server with data on disk, in some seconds, and this walk has neither.
MANAGED = "takes a domain that the program runs; managed_directory.py has one made"
# Operations that cannot succeed in this walk, and why.
NEVER_SUCCEEDS = {
    "sts:AssumeRoleWithSAML": "takes an assertion that an identity provider signed; the tests of the iam crate sign one",
    "sts:AssumeRoleWithWebIdentity": "takes a token that an identity provider signed; the tests of the iam crate sign one",
    "signin:CreateOAuth2Token": "takes the consent of a person in a browser; the tests of the program redeem one",
    "sso-oidc:CreateTokenWithIAM": "takes the consent of a person or a token of another issuer; the tests of the sso crate have both",
    "sts:DecodeAuthorizationMessage": "takes an encoded message, which only other AWS services hand out",
    **{
        f"ds-data:{name}": MANAGED
        for name in (
            "AddGroupMember", "CreateGroup", "CreateUser", "DeleteGroup", "DeleteUser", "DescribeGroup", "DescribeUser",
            "DisableUser", "ListGroupMembers", "ListGroups", "ListGroupsForMember", "ListUsers", "RemoveGroupMember",
            "SearchGroups", "SearchUsers", "UpdateGroup", "UpdateUser",
        )
    },
    **{
        f"ds:{name}": MANAGED
        for name in (
            "AcceptSharedDirectory", "CreateConditionalForwarder", "CreateMicrosoftAD", "CreateSnapshot", "CreateTrust",
            "DeleteConditionalForwarder", "DeleteSnapshot", "DeleteTrust", "DescribeConditionalForwarders",
            "DescribeDirectoryDataAccess", "DescribeDomainControllers", "DescribeSharedDirectories",
            "DisableDirectoryDataAccess", "EnableDirectoryDataAccess", "GetSnapshotLimits", "RejectSharedDirectory",
            "ResetUserPassword", "RestoreFromSnapshot", "ShareDirectory", "UnshareDirectory",
            "UpdateConditionalForwarder", "UpdateTrust", "VerifyTrust",
        )
    },
    "ds:CreateAlias": DIRECTORY,
    "ds:DisableLDAPS": DIRECTORY,
    "ds:DisableSso": DIRECTORY,
    "ds:EnableLDAPS": DIRECTORY,
    "ds:EnableSso": DIRECTORY,
    "iam:GetSSHPublicKey": "nothing uploads SSH keys yet",
    "iam:GetServerCertificate": "nothing uploads server certificates yet",
    "iam:ListServerCertificateTags": "nothing uploads server certificates yet",
    "organizations:CreateGovCloudAccount": "only the partition of GovCloud has such accounts",
}
READY_SECONDS_MAX = 30


class Server:
    """The program on a free port; without other options everything in memory."""

    def __init__(self, program, options=("--ephemeral",)):
        self.directory = tempfile.TemporaryDirectory(prefix="vestibule-shapes-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}
        command = [program, "serve", *options, "--data", self.directory.name, "--listen", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(
            command + ["--log", "warn", "--account-closing-seconds", "0"], env=environment, stdout=subprocess.DEVNULL
        )

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/readyz", timeout=5):
                    break
            except OSError:
                time.sleep(0.02)
        else:
            sys.exit("the server is not ready in time")
        with open(os.path.join(self.directory.name, "bootstrap.json"), encoding="utf-8") as file:
            return json.load(file)

    def reset(self):
        request = urllib.request.Request(f"{self.endpoint}/admin/v1/reset", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 204, answer.status

    def stop(self):
        self.process.terminate()
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "no answer to SIGTERM"
        self.directory.cleanup()
        return status


class Recorder:
    """Clients whose every answer is compared with its shape."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.succeeded = set()
        self.misfits = []
        self.calls = 0

    def client(self, service, key, secret, token=None):
        session = boto3.Session(
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, region_name="us-east-1"
        )
        config = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=True)
        client = session.client(service, endpoint_url=self.endpoint, config=config)
        client.meta.events.register("after-call", self.after_call)
        return client

    def after_call(self, http_response, parsed, model, **_):
        self.calls += 1
        status = http_response.status_code
        if status >= 300:
            return
        name = f"{model.service_model.service_name}:{model.name}"
        self.succeeded.add(name)
        headers = {key.lower(): value for key, value in http_response.headers.items()}
        if "x-amzn-requestid" not in headers:
            self.misfits.append(f"{name}: no x-amzn-requestid")
        found = shapes.complaints(model, status, headers, http_response.content)
        self.misfits.extend(f"{name}: {complaint}" for complaint in found)


def served(program):
    """The operations that the program says it serves."""
    output = subprocess.run([program, "api-coverage", "--missing"], check=True, capture_output=True, text=True).stdout
    missing, service, total = {}, None, {}
    for line in output.splitlines()[1:]:
        if line.startswith("  "):
            missing[service].add(line.strip())
        else:
            service = line.split()[0]
            missing[service] = set()
            total[service] = int(line.split()[1])
    total.pop("all")
    session = botocore.session.get_session()
    names = set()
    # Our own administration API has no client of AWS's.
    for service in (service for service, count in total.items() if count and service != "vestibule"):
        model = session.get_service_model(service)
        names |= {f"{service}:{name}" for name in model.operation_names if name not in missing[service]}
    return names


def main(program):
    expected = served(program)
    server = Server(program)
    try:
        bootstrap = server.wait_until_ready()
        recorder = Recorder(server.endpoint)
        walk = Walk(recorder, bootstrap, server.reset)
        walk.run()
        server.reset()
        walk.parts(*SingleSignOn(walk, program, server.endpoint).parts())
    finally:
        status = server.stop()
    failures = [f"refused: {refusal}" for refusal in walk.refusals]
    failures += [f"misfit: {misfit}" for misfit in dict.fromkeys(recorder.misfits)]
    failures += [
        f"never succeeded: {name}" for name in sorted(expected - recorder.succeeded) if name not in NEVER_SUCCEEDS
    ]
    failures += [
        f"remove from NEVER_SUCCEEDS: {name}" for name in NEVER_SUCCEEDS if name in recorder.succeeded or name not in expected
    ]
    if status != 0:
        failures.append(f"the server ended with {status}")
    for failure in failures:
        print(failure)
    print(
        f"boto3_shapes: {recorder.calls} calls, {len(expected & recorder.succeeded)} of {len(expected)} served operations "
        f"seen to succeed, {len(failures)} failures"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
