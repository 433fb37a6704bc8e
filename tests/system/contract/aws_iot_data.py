"""AWS's own clients of iot-data against the HTTP API: device shadows, messages, connections.

    python3 aws_iot_data.py http://127.0.0.1:8080

Calls the shadow operations through boto3 and the aws command; every refusal must be the exception
that the model names. Leaves nothing behind but deleted shadows. Needs: pip install boto3 awscli
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from aws_clients import ENVIRONMENT, called, on_answer

THING = f"lamp-{uuid.uuid4().hex[:8]}"


def body(answer):
    return json.loads(answer["payload"].read())


def refused(client, error, code, message, operation, **arguments):
    """The call must end in the exception of this name, with AWS's text and code."""
    expected = getattr(client.exceptions, error)
    try:
        getattr(client, operation)(**arguments)
    except expected as complaint:
        said = complaint.response
        assert said["ResponseMetadata"]["HTTPStatusCode"] == code, said
        assert message in said.get("message", said["Error"]["Message"]), said
    except ClientError as complaint:
        raise AssertionError(f"{operation}: {complaint.response} is no {error}") from complaint
    else:
        raise AssertionError(f"{operation} was accepted")


def shadow(client, **named):
    arguments = {"thingName": THING, **named}
    missing = f"No shadow exists with name: '{named.get('shadowName', THING)}'"
    refused(client, "ResourceNotFoundException", 404, missing, "get_thing_shadow", **arguments)
    state = {"desired": {"color": "red", "big": 9007199254740993}, "reported": {"color": "green"}}
    document = json.dumps({"state": state, "clientToken": "token"})
    made = body(client.update_thing_shadow(payload=document, **arguments))
    assert made["state"] == state and made["clientToken"] == "token", made
    version = made["version"]
    got = body(client.get_thing_shadow(**arguments))
    assert got["state"] == {**state, "delta": state["desired"]}, got
    assert got["metadata"]["desired"]["color"]["timestamp"] == made["timestamp"], got
    assert got["version"] == version, got
    body(client.update_thing_shadow(payload=b'{"state":{"desired":null}}', **arguments))
    got = body(client.get_thing_shadow(**arguments))
    assert got["state"] == {"reported": {"color": "green"}}, got
    stale = json.dumps({"state": {}, "version": version})
    refused(client, "ConflictException", 409, "Version conflict", "update_thing_shadow",
            payload=stale, **arguments)
    gone = body(client.delete_thing_shadow(**arguments))
    assert gone["version"] == version + 1, gone
    refused(client, "ResourceNotFoundException", 404, missing, "delete_thing_shadow", **arguments)
    again = body(client.update_thing_shadow(payload=b'{"state":{}}', **arguments))
    assert again["version"] == version + 2, again
    client.delete_thing_shadow(**arguments)


def refusals(client):
    arguments = {"thingName": THING}
    for document, error, code, message in (
        (b"{", "InvalidRequestException", 400, "Invalid JSON"),
        (b"{}", "InvalidRequestException", 400, "Missing required node: state"),
        (b'{"state":1}', "InvalidRequestException", 400, "State node must be an object"),
        (b'{"state":{},"version":"x"}', "InvalidRequestException", 400, "Invalid version"),
        (json.dumps({"state": {"reported": {"a": "x" * 8192}}}), "RequestEntityTooLargeException",
         413, "The payload exceeds the maximum size allowed"),
        (b'{"state":\xff}', "UnsupportedDocumentEncodingException", 415,
         "Unsupported documented encoding; supported encoding is UTF-8"),
    ):
        refused(client, error, code, message, "update_thing_shadow", payload=document, **arguments)
    refused(client, "InvalidRequestException", 400, "Invalid thing name", "get_thing_shadow",
            thingName="a b")


def names(client):
    assert client.list_named_shadows_for_thing(thingName=THING)["results"] == []
    for name in ("c", "a", "b"):
        client.update_thing_shadow(thingName=THING, shadowName=name, payload=b'{"state":{}}')
    found, token = [], {}
    while True:
        page = client.list_named_shadows_for_thing(thingName=THING, pageSize=2, **token)
        found += page["results"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert found == ["a", "b", "c"], found
    for name in found:
        client.delete_thing_shadow(thingName=THING, shadowName=name)


def messages(client):
    topic = f"{THING}/a b/+".replace("+", "plus")
    client.publish(topic=topic, qos=1, retain=True, payload=b"x", contentType="text/plain",
                   userProperties=json.dumps([{"k": "v"}]), payloadFormatIndicator="UTF8_DATA")
    kept = client.get_retained_message(topic=topic)
    assert kept["payload"] == b"x" and kept["qos"] == 1, kept
    assert json.loads(kept["userProperties"]) == [{"k": "v"}], kept
    client.publish(topic=topic, qos=1, retain=True, payload=b"y", userProperties=[{"k": "w"}])
    kept = client.get_retained_message(topic=topic)
    assert json.loads(kept["userProperties"]) == [{"k": "w"}], kept
    assert topic in [one["topic"] for one in client.list_retained_messages()["retainedTopics"]]
    client.publish(topic=topic, retain=True)
    refused(client, "ResourceNotFoundException", 404, topic, "get_retained_message", topic=topic)
    for wrong in ("a/#", "a/+/b"):
        refused(client, "InvalidRequestException", 400, "topic", "publish", topic=wrong)
    called.update(("GetRetainedMessage", "ListRetainedMessages", "Publish"))


def connections(client):
    """Of a client that is not there. Older boto3 know fewer operations."""
    for operation, more in (("delete_connection", {}), ("get_connection", {}),
                            ("list_subscriptions", {}),
                            ("send_direct_message", {"topic": "a", "payload": b"x"})):
        if hasattr(client, operation):
            refused(client, "ResourceNotFoundException", 404, THING, operation, clientId=THING,
                    **more)
            called.add("".join(word.capitalize() for word in operation.split("_")))
    if hasattr(client, "send_direct_message"):
        refused(client, "InvalidRequestException", 400, "timeout", "send_direct_message",
                clientId=THING, topic="a", timeout=16)


def command_line(url):
    def aws(*arguments):
        command = [sys.executable, "-m", "awscli", "--endpoint-url", url, "iot-data", *arguments]
        return subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True,
                              text=True, timeout=120, check=False)

    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.json")
        thing = ("--thing-name", THING, "--shadow-name", "cli")
        done = aws("update-thing-shadow", *thing, "--cli-binary-format", "raw-in-base64-out",
                   "--payload", '{"state":{"reported":{"on":true}}}', out)
        if done.returncode != 0 and "cli-binary-format" in done.stderr:
            done = aws("update-thing-shadow", *thing, "--payload",
                       '{"state":{"reported":{"on":true}}}', out)
        assert done.returncode == 0, done.stderr
        assert aws("get-thing-shadow", *thing, out).returncode == 0
        with open(out, encoding="utf-8") as document:
            assert json.load(document)["state"] == {"reported": {"on": True}}
        assert aws("delete-thing-shadow", *thing, out).returncode == 0
        complaint = aws("get-thing-shadow", *thing, out).stderr
        assert "ResourceNotFoundException" in complaint and "'cli'" in complaint, complaint


def main(url):
    os.environ.update(ENVIRONMENT)
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client = boto3.client("iot-data", endpoint_url=url, config=once)
    client.meta.events.register("after-call.iot-data-plane.ListNamedShadowsForThing", on_answer)
    for operation in ("GetThingShadow", "UpdateThingShadow", "DeleteThingShadow"):
        client.meta.events.register(f"after-call.iot-data-plane.{operation}",
                                    lambda model, **_: called.add(model.name))
    shadow(client)
    shadow(client, shadowName="dim")
    refusals(client)
    names(client)
    messages(client)
    connections(client)
    command_line(url)
    print(f"{len(called)} operations conform: {' '.join(sorted(called))}")


if __name__ == "__main__":
    main(sys.argv[1])
