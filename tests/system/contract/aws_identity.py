"""AWS's own clients of policies, certificates and principals, against the HTTP API.

    python3 aws_identity.py http://127.0.0.1:8080

Calls every operation that says who may do what through boto3, and gives a device a certificate by
the aws command as docs/IDENTITY.md tells it. Answers are held to AWS's service models, as
aws_clients.py does it. Leaves nothing behind. Needs: pip install boto3 awscli; openssl
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid

import boto3
from aws_clients import ENVIRONMENT, aws, called, on_answer, refused
from botocore.config import Config

MARK = uuid.uuid4().hex[:8]
REGION = "arn:aws:iot:eu-west-1:123456789012"


def policy(effect="Allow", action="iot:Publish", resource="*", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def text(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def policies(iot):
    name = f"p-{MARK}"
    made = iot.create_policy(policyName=name, policyDocument=policy(),
                             tags=[{"Key": "k", "Value": "v"}])
    assert made["policyVersionId"] == "1", made
    refused("ResourceAlreadyExistsException", iot.create_policy, name, policyName=name,
            policyDocument=policy())
    for bad in ("{", policy(action="s3:PutObject"), policy(resource="topic/a"),
                policy(Condition={"NumericEquals": {"iot:ClientId": "1"}})):
        refused("MalformedPolicyException", iot.create_policy, policyName="bad", policyDocument=bad)
    got = iot.get_policy(policyName=name)
    assert got["policyDocument"] == policy() and got["creationDate"].year >= 2024, got
    for _ in range(4):
        iot.create_policy_version(policyName=name, policyDocument=policy(effect="Deny"))
    refused("VersionsLimitExceededException", iot.create_policy_version, name, policyName=name,
            policyDocument=policy())
    iot.set_default_policy_version(policyName=name, policyVersionId="3")
    refused("DeleteConflictException", iot.delete_policy_version, policyName=name,
            policyVersionId="3")
    assert iot.get_policy_version(policyName=name, policyVersionId="3")["isDefaultVersion"]
    iot.set_default_policy_version(policyName=name, policyVersionId="1")
    refused("DeleteConflictException", iot.delete_policy, policyName=name)
    for version in iot.list_policy_versions(policyName=name)["policyVersions"]:
        if not version["isDefaultVersion"]:
            iot.delete_policy_version(policyName=name, policyVersionId=version["versionId"])
    found = iot.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 1})
    assert name in [entry["policyName"] for page in found for entry in page["policies"]]
    return name


def certificates(iot, folder):
    made = iot.create_keys_and_certificate(setAsActive=True)
    assert "BEGIN PRIVATE KEY" in made["keyPair"]["PrivateKey"]
    key, csr = os.path.join(folder, "key"), os.path.join(folder, "csr")
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr,
            "-subj", "/C=DE/O=Example Corp/CN=pump")
    signed = iot.create_certificate_from_csr(certificateSigningRequest=text(csr))
    got = iot.describe_certificate(certificateId=signed["certificateId"])
    got = got["certificateDescription"]
    assert got["status"] == "INACTIVE" and got["validity"]["notAfter"].year == 2049, got
    iot.update_certificate(certificateId=signed["certificateId"], newStatus="ACTIVE")
    refused("CertificateStateException", iot.delete_certificate,
            certificateId=signed["certificateId"])
    iot.update_certificate(certificateId=signed["certificateId"], newStatus="INACTIVE")
    iot.delete_certificate(certificateId=signed["certificateId"])
    refused("ResourceNotFoundException", iot.describe_certificate,
            certificateId=signed["certificateId"])
    found = iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 1})
    assert made["certificateId"] in [
        entry["certificateId"] for page in found for entry in page["certificates"]]
    return made


def authorities(iot, folder):
    """AWS's own steps: an authority of openssl's, verified by the registration code."""
    path = lambda name: os.path.join(folder, name)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("ca.key"),
            "-out", path("ca.pem"), "-days", "30", "-subj", "/CN=makers",
            "-addext", "basicConstraints=critical,CA:TRUE")

    def signed(name):
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", path("leaf.key"),
                "-out", path("leaf.csr"), "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", path("leaf.csr"), "-CA", path("ca.pem"), "-CAkey",
                path("ca.key"), "-CAcreateserial", "-out", path("leaf.pem"), "-days", "30")
        return text(path("leaf.pem"))

    code = iot.get_registration_code()["registrationCode"]
    refused("RegistrationCodeValidationException", iot.register_ca_certificate, code,
            caCertificate=text(path("ca.pem")), verificationCertificate=signed("other"))
    made = iot.register_ca_certificate(caCertificate=text(path("ca.pem")), setAsActive=True,
                                       verificationCertificate=signed(code))
    ca = made["certificateId"]
    got = iot.describe_ca_certificate(certificateId=ca)["certificateDescription"]
    assert (got["status"], got["certificateMode"]) == ("ACTIVE", "DEFAULT"), got
    leaf = iot.register_certificate(certificatePem=signed("valve"), status="ACTIVE",
                                    caCertificatePem=text(path("ca.pem")))["certificateId"]
    by_ca = iot.list_certificates_by_ca(caCertificateId=ca)["certificates"]
    assert [entry["certificateId"] for entry in by_ca] == [leaf], by_ca
    alone = iot.register_certificate_without_ca(certificatePem=signed("lone"))["certificateId"]
    iot.update_ca_certificate(certificateId=ca, newStatus="INACTIVE",
                              newAutoRegistrationStatus="DISABLE")
    assert iot.list_ca_certificates()["certificates"][0]["status"] == "INACTIVE"
    for certificate in (leaf, alone):
        iot.update_certificate(certificateId=certificate, newStatus="REVOKED")
        iot.delete_certificate(certificateId=certificate)
    iot.delete_ca_certificate(certificateId=ca)


def principals(iot, name, certificate):
    arn, thing = certificate["certificateArn"], f"thing-{MARK}"
    iot.create_thing(thingName=thing)
    iot.attach_policy(policyName=name, target=arn)
    iot.attach_thing_principal(thingName=thing, principal=arn)
    attached = iot.list_attached_policies(target=arn)["policies"]
    assert [entry["policyName"] for entry in attached] == [name], attached
    assert iot.list_principal_policies(principal=arn)["policies"] == attached
    assert iot.list_targets_for_policy(policyName=name)["targets"] == [arn]
    assert iot.list_thing_principals(thingName=thing)["principals"] == [arn]
    assert iot.list_principal_things(principal=arn)["things"] == [thing]
    typed = iot.list_thing_principals_v2(thingName=thing)["thingPrincipalObjects"]
    assert typed == [{"principal": arn, "thingPrincipalType": "NON_EXCLUSIVE_THING"}], typed
    typed = iot.list_principal_things_v2(principal=arn)["principalThingObjects"]
    assert typed[0]["thingName"] == thing, typed
    got = iot.get_effective_policies(principal=arn, thingName=thing)["effectivePolicies"]
    assert got[0]["policyDocument"] == policy(), got
    told = iot.test_authorization(
        principal=arn, clientId=thing, policyNamesToSkip=[],
        authInfos=[{"actionType": "PUBLISH", "resources": [f"{REGION}:topic/a"]},
                   {"actionType": "CONNECT", "resources": [f"{REGION}:client/{thing}"]}])
    told = [result["authDecision"] for result in told["authResults"]]
    assert told == ["ALLOWED", "IMPLICIT_DENY"], told
    refused("DeleteConflictException", iot.delete_policy, policyName=name)
    refused("InvalidRequestException", iot.delete_thing, thingName=thing)
    refused("ResourceNotFoundException", iot.attach_policy, policyName="none", target=arn)
    iot.detach_policy(policyName=name, target=arn)
    iot.attach_principal_policy(policyName=name, principal=arn)
    iot.detach_principal_policy(policyName=name, principal=arn)
    iot.detach_thing_principal(thingName=thing, principal=arn)
    iot.delete_thing(thingName=thing)


def command_line(url, folder):
    """Three commands give a device a certificate, a policy, and a link between the two."""
    name = f"cli-{MARK}"
    path = lambda file: os.path.join(folder, file)
    made = aws(url, "create-keys-and-certificate", "--set-as-active",
               "--certificate-pem-outfile", path("device.pem"),
               "--private-key-outfile", path("device.key"), service="iot")
    openssl("x509", "-in", path("device.pem"), "-noout", "-subject")
    openssl("pkey", "-in", path("device.key"), "-noout")
    aws(url, "create-policy", "--policy-name", name, "--policy-document", policy(), service="iot")
    aws(url, "attach-policy", "--policy-name", name, "--target", made["certificateArn"],
        service="iot")
    attached = aws(url, "list-attached-policies", "--target", made["certificateArn"], service="iot")
    assert attached["policies"][0]["policyName"] == name, attached
    aws(url, "update-certificate", "--certificate-id", made["certificateId"], "--new-status",
        "REVOKED", service="iot")
    aws(url, "delete-certificate", "--certificate-id", made["certificateId"], "--force-delete",
        service="iot")
    aws(url, "delete-policy", "--policy-name", name, service="iot")


def main(url):
    os.environ.update(ENVIRONMENT)
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    iot = boto3.client("iot", endpoint_url=url, config=once)
    iot.meta.events.register("after-call.iot", on_answer)
    with tempfile.TemporaryDirectory() as folder:
        name = policies(iot)
        certificate = certificates(iot, folder)
        authorities(iot, folder)
        principals(iot, name, certificate)
        iot.update_certificate(certificateId=certificate["certificateId"], newStatus="INACTIVE")
        iot.delete_certificate(certificateId=certificate["certificateId"])
        iot.delete_policy(policyName=name)
        command_line(url, folder)
    print(f"{len(called)} operations conform: {' '.join(sorted(called))}")


if __name__ == "__main__":
    main(sys.argv[1])
