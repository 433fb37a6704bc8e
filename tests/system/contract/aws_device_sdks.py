"""AWS's own device SDKs against a server's shadows, over mutual TLS.

    python3 aws_device_sdks.py http://127.0.0.1:8080 127.0.0.1:8883

Makes a certificate, a policy and a thing by the aws command, and connects as that thing: with the
classes IotShadowClient (MQTT 3.1.1) and IotShadowClientV2 (MQTT 5) of awsiotsdk, and with the older
AWSIoTPythonSDK. Each goes through everything that a shadow can answer, classic and named. Leaves
deleted shadows behind. Needs: pip install awsiotsdk AWSIoTPythonSDK awscli
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from concurrent.futures import Future

import awsiot
from awscrt import mqtt, mqtt5, mqtt_request_response
from awsiot import iotshadow, mqtt5_client_builder, mqtt_connection_builder
from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTShadowClient

PATIENCE = 20
THING = f"lamp-{uuid.uuid4().hex[:8]}"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
# As AWS's guide has it: a device comes under the name of its thing and sees nothing but its shadows.
OWN = "things/${iot:Connection.Thing.ThingName}/shadow/*"
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect",
     "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
     "Resource": f"arn:aws:iot:*:*:topic/$aws/{OWN}"},
    {"Effect": "Allow", "Action": "iot:Subscribe",
     "Resource": f"arn:aws:iot:*:*:topicfilter/$aws/{OWN}"},
]}


class Place:
    """Where the server is, and who we are there."""

    def __init__(self, url, secure, folder):
        self.url, self.folder = url, folder
        self.host, port = secure.rsplit(":", 1)
        self.port = int(port)
        with urllib.request.urlopen(f"{url}/v1/ca", timeout=PATIENCE) as answer:
            with open(self.file("ca.pem"), "wb") as file:
                file.write(answer.read())
        arn = self.aws("create-keys-and-certificate", "--set-as-active",
                       "--certificate-pem-outfile", self.file("own.pem"),
                       "--private-key-outfile", self.file("own.key"),
                       "--query", "certificateArn", "--output", "text")
        policy = f"own-shadows-{THING}"
        self.aws("create-policy", "--policy-name", policy,
                 "--policy-document", json.dumps(POLICY))
        self.aws("attach-policy", "--policy-name", policy, "--target", arn)
        self.aws("create-thing", "--thing-name", THING)
        self.aws("attach-thing-principal", "--thing-name", THING, "--principal", arn)

    def file(self, name):
        return os.path.join(self.folder, name)

    def aws(self, *arguments):
        command = [sys.executable, "-m", "awscli", "--endpoint-url", self.url, "iot", *arguments]
        done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout.strip()

    def wish(self, desired):
        """An application wants something, over HTTP."""
        body = json.dumps({"state": {"desired": desired}}).encode()
        request = urllib.request.Request(f"{self.url}/things/{THING}/shadow", body, method="POST")
        urllib.request.urlopen(request, timeout=PATIENCE).close()

    def builder(self):
        return {"endpoint": self.host, "port": self.port, "ca_filepath": self.file("ca.pem"),
                "cert_filepath": self.file("own.pem"), "pri_key_filepath": self.file("own.key"),
                "client_id": THING, "clean_session": True}


def heard(inbox, what):
    """The next thing that was said."""
    try:
        return inbox.get(timeout=PATIENCE)
    except queue.Empty:
        raise AssertionError(f"not heard within {PATIENCE} s: {what}") from None


class FirstVersion:
    """IotShadowClient: requests are published, answers come to subscriptions."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self.inbox = {}
        for verb in ("get", "update", "delete"):
            for reply in ("accepted", "rejected"):
                self.listen(f"{verb}_{{}}shadow_{reply}", f"{verb} {reply}")
        self.listen("{}shadow_delta_updated_events", "delta")
        self.listen("{}shadow_updated_events", "documents")

    def request(self, kind, **more):
        named = {"shadow_name": self.name} if self.name else {}
        return getattr(iotshadow, kind)(thing_name=THING, **named, **more)

    def listen(self, method, what):
        method = method.format("named_" if self.name else "")
        words = method.replace("_accepted", "").replace("_rejected", "").replace("_events", "")
        kind = "".join(word.capitalize() for word in words.split("_")) + "SubscriptionRequest"
        inbox = self.inbox[what] = queue.Queue()
        subscribe = getattr(self.client, f"subscribe_to_{method}")
        done, _ = subscribe(self.request(kind), mqtt.QoS.AT_LEAST_ONCE, inbox.put)
        done.result(PATIENCE)

    def ask(self, verb, answer, **more):
        token = uuid.uuid4().hex
        named = "named_" if self.name else ""
        kind = f"{verb.capitalize()}{'Named' if self.name else ''}ShadowRequest"
        publish = getattr(self.client, f"publish_{verb}_{named}shadow")
        request = self.request(kind, client_token=token, **more)
        publish(request, mqtt.QoS.AT_LEAST_ONCE).result(PATIENCE)
        said = heard(self.inbox[f"{verb} {answer}"], f"{verb} {answer}")
        assert said.client_token == token, (said, token)
        return said


class SecondVersion:
    """IotShadowClientV2: a request is a call that returns or raises; the rest are streams."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self.inbox, self.streams = {}, []
        self.listen("{}shadow_delta_updated", "delta")
        self.listen("{}shadow_updated", "documents")

    def request(self, kind, **more):
        named = {"shadow_name": self.name} if self.name else {}
        return getattr(iotshadow, kind)(thing_name=THING, **named, **more)

    def listen(self, method, what):
        method = method.format("named_" if self.name else "")
        kind = "".join(word.capitalize() for word in method.split("_")) + "SubscriptionRequest"
        inbox = self.inbox[what] = queue.Queue()
        up = Future()

        def status(event):
            established = mqtt_request_response.SubscriptionStatusEventType.SUBSCRIPTION_ESTABLISHED
            if not up.done():
                assert event.type == established, event
                up.set_result(None)

        options = awsiot.ServiceStreamOptions(incoming_event_listener=inbox.put,
                                              subscription_status_listener=status)
        stream = getattr(self.client, f"create_{method}_stream")(self.request(kind), options)
        stream.open()
        up.result(PATIENCE)
        self.streams.append(stream)

    def ask(self, verb, answer, **more):
        named = "named_" if self.name else ""
        kind = f"{verb.capitalize()}{'Named' if self.name else ''}ShadowRequest"
        call = getattr(self.client, f"{verb}_{named}shadow")
        try:
            said = call(self.request(kind, **more)).result(PATIENCE)
        except awsiot.V2ServiceException as refused:
            assert answer == "rejected" and refused.modeled_error, refused.__dict__
            return refused.modeled_error
        assert answer == "accepted", said
        return said


def go_through(shadow):
    """Everything that a shadow can answer."""
    missing = shadow.ask("get", "rejected")
    text = f"No shadow exists with name: '{shadow.name or THING}'"
    assert (missing.code, missing.message) == (404, text), missing.message
    assert missing.timestamp is not None

    wanted = iotshadow.ShadowState(desired={"on": True, "colour": {"r": 1}},
                                   reported={"on": False, "colour": {"r": 1}, "left": [1, 2]})
    made = shadow.ask("update", "accepted", state=wanted)
    assert made.state.desired == wanted.desired and made.state.reported == wanted.reported
    assert made.metadata.desired["on"]["timestamp"] == int(made.timestamp.timestamp())
    delta = heard(shadow.inbox["delta"], "delta")
    assert (delta.state, delta.version) == ({"on": True}, made.version), delta.state
    assert set(delta.metadata) == {"on"}, delta.metadata
    both = heard(shadow.inbox["documents"], "documents")
    assert not both.previous.state.desired and both.previous.version in (None, made.version - 1)
    assert both.current.state.desired == wanted.desired and both.current.version == made.version

    got = shadow.ask("get", "accepted")
    assert got.state.delta == {"on": True} and got.version == made.version, got.state
    assert got.state.reported == wanted.reported
    assert [set(each) for each in got.metadata.reported["left"]] == [{"timestamp"}] * 2

    stale = shadow.ask("update", "rejected", state=iotshadow.ShadowState(reported={"on": True}),
                       version=made.version + 7)
    assert (stale.code, stale.message) == (409, "Version conflict"), stale.message
    settled = shadow.ask("update", "accepted", state=iotshadow.ShadowState(reported={"on": True}),
                         version=made.version)
    assert settled.version == made.version + 1 and settled.state.desired is None
    after = heard(shadow.inbox["documents"], "documents")
    assert after.previous.version == made.version and after.current.state.reported["on"] is True
    # A section is cleared by null, which this client sends when it is told to.
    cleared = iotshadow.ShadowState(desired=None, desired_is_nullable=True)
    shadow.ask("update", "accepted", state=cleared)
    emptied = shadow.ask("get", "accepted")
    assert emptied.state.desired is None and emptied.state.delta is None, emptied.state.__dict__

    deep = {}
    for _ in range(8):
        deep = {"in": deep}
    refused = shadow.ask("update", "rejected", state=iotshadow.ShadowState(desired=deep))
    assert refused.code == 400 and "levels of nesting" in refused.message, refused.message
    large = iotshadow.ShadowState(desired={"x": "x" * 8200})
    refused = shadow.ask("update", "rejected", state=large)
    assert refused.code == 413, (refused.code, refused.message)

    gone = shadow.ask("delete", "accepted")
    assert gone.version == settled.version + 1, gone.version
    assert shadow.ask("delete", "rejected").code == 404
    again = shadow.ask("update", "accepted", state=iotshadow.ShadowState(desired={"on": True}))
    assert again.version > gone.version, "a deletion does not begin anew"
    shadow.ask("delete", "accepted")
    assert heard(shadow.inbox["delta"], "delta").state == {"on": True}
    assert shadow.inbox["delta"].empty(), shadow.inbox["delta"].get()


def first_version(place):
    connection = mqtt_connection_builder.mtls_from_path(**place.builder())
    connection.connect().result(PATIENCE)
    client = iotshadow.IotShadowClient(connection)
    for name in (None, "dim"):
        go_through(FirstVersion(client, name))
    connection.disconnect().result(PATIENCE)
    print("IotShadowClient")


def second_version(place):
    up, down = Future(), Future()
    client = mqtt5_client_builder.mtls_from_path(
        on_lifecycle_connection_success=up.set_result,
        on_lifecycle_connection_failure=lambda it: up.done() or up.set_exception(it.exception),
        on_lifecycle_stopped=down.set_result, **place.builder())
    client.start()
    up.result(PATIENCE)
    # Room for one shadow alone: for the second one the client has to change its subscriptions.
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=4, max_streaming_subscriptions=4,
        operation_timeout_in_seconds=PATIENCE)
    shadows = iotshadow.IotShadowClientV2(client, options)
    for name in (None, "dim"):
        go_through(SecondVersion(shadows, name))
    client.stop(mqtt5.DisconnectPacket())
    down.result(PATIENCE)
    print("IotShadowClientV2")


def before_them(place):
    """AWSIoTPythonSDK knows classic shadows alone, and matches answers by their token."""
    client = AWSIoTMQTTShadowClient(THING)
    client.configureEndpoint(place.host, place.port)
    client.configureCredentials(*(place.file(name) for name in ("ca.pem", "own.key", "own.pem")))
    client.configureConnectDisconnectTimeout(PATIENCE)
    client.configureMQTTOperationTimeout(PATIENCE)
    assert client.connect()
    shadow = client.createShadowHandlerWithName(THING, True)
    answers, deltas = queue.Queue(), queue.Queue()

    def told(body, status, token):
        answers.put((status, json.loads(body) if status != "timeout" else None, token))

    def expect(wanted, token):
        status, body, answered = heard(answers, wanted)
        assert status == wanted and answered == token, (status, body)
        return body

    shadow.shadowRegisterDeltaCallback(lambda body, _, __: deltas.put(json.loads(body)))
    refused = expect("rejected", shadow.shadowGet(told, PATIENCE))
    assert refused["code"] == 404, refused
    document = {"state": {"reported": {"on": False}}}
    made = expect("accepted", shadow.shadowUpdate(json.dumps(document), told, PATIENCE))
    assert made["state"] == document["state"], made
    # It takes a delta of a version that it knows for an old one, so another must make the wish.
    place.wish({"on": True})
    delta = heard(deltas, "delta")
    assert (delta["state"], delta["version"]) == ({"on": True}, made["version"] + 1), delta
    got = expect("accepted", shadow.shadowGet(told, PATIENCE))
    assert got["state"]["delta"] == {"on": True} and got["version"] == delta["version"], got
    stale = {"state": {"reported": {"on": True}}, "version": made["version"] - 1}
    refused = expect("rejected", shadow.shadowUpdate(json.dumps(stale), told, PATIENCE))
    assert (refused["code"], refused["message"]) == (409, "Version conflict"), refused
    expect("accepted", shadow.shadowDelete(told, PATIENCE))
    client.disconnect()
    print("AWSIoTMQTTShadowClient")


def main(url, secure):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(url, secure, folder)
        first_version(place)
        second_version(place)
        before_them(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
    # The native threads of awscrt outlive its clients. While the interpreter takes itself down, they
    # have been seen to break its heap ("malloc_consolidate(): unaligned fastbin chunk detected").
    sys.stdout.flush()
    os._exit(0)
