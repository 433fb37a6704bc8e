"""AWS's own clients against the HTTP API.

    python3 aws_clients.py http://127.0.0.1:8080

Calls every operation that the server implements through boto3, and a few through the aws command.
Each answer must have the status code of AWS's service model and hold nothing that the model does
not know, of the type, the range, the pattern and the words that the model names. Leaves nothing
behind. Needs: pip install boto3 awscli
"""

import base64
import json
import os
import re
import subprocess
import sys
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

KEY = "2b7e151628aed2a6abf7158809cf4f3c"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
called = set()


def known_to_python(pattern):
    """The model's patterns are Java's, whose classes Python has no names for."""
    for theirs, ours in ((r"\p{L}", "A-Za-z"), (r"\p{Z}", " "), (r"\p{N}", "0-9"),
                         (r"\p{Graph}", "!-~")):
        pattern = pattern.replace(theirs, ours)
    return pattern


def conforms(value, shape, path):
    """Holds the value to the model's shape, unknown members included."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), f"{path}: {value!r} is no object"
        for name, member in value.items():
            assert name in shape.members, f"{path}.{name}: the model has no such member"
            conforms(member, shape.members[name], f"{path}.{name}")
        missing = set(shape.required_members) - set(value)
        assert not missing, f"{path}: {missing} missing"
    elif kind == "list":
        assert isinstance(value, list), f"{path}: {value!r} is no list"
        for at, member in enumerate(value):
            conforms(member, shape.member, f"{path}[{at}]")
    elif kind == "timestamp":
        written = str if shape.serialization.get("timestampFormat") == "iso8601" else (int, float)
        assert isinstance(value, written), f"{path}: {value!r} is no time as the model writes it"
    elif kind == "string":
        assert isinstance(value, str), f"{path}: {value!r} is no text"
        rules = shape.metadata
        if "pattern" in rules:
            pattern = known_to_python(rules["pattern"])
            assert re.search(pattern, value), f"{path}: {value!r} is not {pattern}"
        assert rules.get("min", 0) <= len(value) <= rules.get("max", 1 << 20), f"{path}: {value!r}"
        assert value in rules.get("enum", [value]), f"{path}: {value!r} is none of {rules['enum']}"
    elif kind in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), f"{path}: {value!r}"
        rules = shape.metadata
        assert rules.get("min", value) <= value <= rules.get("max", value), f"{path}: {value!r}"
    elif kind in ("float", "double"):
        assert isinstance(value, (int, float)), f"{path}: {value!r} is no number"
    elif kind == "map":
        assert isinstance(value, dict), f"{path}: {value!r} is no object"
        for name, member in value.items():
            conforms(name, shape.key, f"{path} key")
            conforms(member, shape.value, f"{path}.{name}")
    elif kind == "boolean":
        assert isinstance(value, bool), f"{path}: {value!r} is not true or false"
    else:
        raise AssertionError(f"{path}: the model has a {kind}, teach me")


def on_answer(http_response, parsed, model, **_):
    """Runs after every call of boto3."""
    status, text = http_response.status_code, http_response.content
    assert parsed["ResponseMetadata"].get("RequestId"), f"{model.name}: no x-amzn-RequestId"
    if status >= 300:
        return
    called.add(model.name)
    expected = model.http.get("responseCode", 200)
    assert status == expected, f"{model.name}: status {status}, the model says {expected}"
    if status == 204:
        assert text == b"", f"{model.name}: 204 with a body"
        return
    if model.output_shape is not None:
        conforms(json.loads(text), model.output_shape, model.name)


def refused(error, call, *words, **arguments):
    """The call must fail with this error, and its message say these words."""
    try:
        call(**arguments)
    except ClientError as problem:
        said = problem.response["Error"]
        assert said["Code"] == error, f"{call.__name__}: {said} instead of {error}"
        for word in words:
            assert word in said["Message"], f"{call.__name__}: {said['Message']!r} lacks {word!r}"
        return problem.response
    raise AssertionError(f"{call.__name__}({arguments}) was not refused")


def everything(client, operation, name, **arguments):
    """All pages of a list, a few entries at a time."""
    found, token = [], None
    while True:
        more = {"NextToken": token} if token else {}
        page = getattr(client, operation)(MaxResults=2, **more, **arguments)
        found += page[name]
        token = page.get("NextToken")
        if not token:
            return found


def profiles(client):
    made = client.create_device_profile(
        Name="contract",
        LoRaWAN={
            "MacVersion": "1.0.3", "RegParamsRevision": "RP002-1.0.1", "RfRegion": "EU868",
            "SupportsJoin": True, "Supports32BitFCnt": True, "RxDelay1": 1, "RxDrOffset1": 0,
            "RxDataRate2": 0, "RxFreq2": 8695250, "FactoryPresetFreqsList": [8681000],
            "MaxEirp": 15, "MaxDutyCycle": 0, "SupportsClassB": False, "SupportsClassC": False,
        },
        Tags=[{"Key": "lns:codec", "Value": "cayenne-lpp"}],
    )
    got = client.get_device_profile(Id=made["Id"])
    assert got["LoRaWAN"]["RxFreq2"] == 8695250 and got["Arn"] == made["Arn"], got
    listed = everything(client, "list_device_profiles", "DeviceProfileList")
    assert made["Id"] in [entry["Id"] for entry in listed], listed

    service = client.create_service_profile(
        Name="contract", LoRaWAN={"AddGwMetadata": True, "DrMin": 0, "DrMax": 5}
    )
    got = client.get_service_profile(Id=service["Id"])
    assert got["LoRaWAN"]["AddGwMetadata"] is True, got
    assert everything(client, "list_service_profiles", "ServiceProfileList")
    refused("ValidationException", client.create_device_profile, "LoRaWAN.RxDelay1", "99",
            LoRaWAN={"RxDelay1": 99})
    return made, service


def destinations(client):
    name = f"contract-{uuid.uuid4().hex[:8]}"
    arguments = {
        "ExpressionType": "MqttTopic", "Expression": "contract/{DevEUI}/up",
        "RoleArn": "arn:aws:iam::123456789012:role/IoTWireless",
    }
    client.create_destination(Name=name, Description="d", **arguments)
    client.update_destination(Name=name, Expression="contract/up")
    got = client.get_destination(Name=name)
    assert (got["Expression"], got["Description"]) == ("contract/up", "d"), got
    names = [entry["Name"] for entry in everything(client, "list_destinations", "DestinationList")]
    assert name in names and "default" in names, names
    refused("ConflictException", client.create_destination, name, Name=name, **arguments)
    client.update_destination(Name=name, ExpressionType="RuleName", Expression="soil_1")
    got = client.get_destination(Name=name)
    assert (got["ExpressionType"], got["Expression"]) == ("RuleName", "soil_1"), got
    arguments["ExpressionType"] = "RuleName"
    refused("ValidationException", client.create_destination, "rule", Name="x", **arguments)
    return name


def devices(client, profile, service, destination):
    dev_eui = uuid.uuid4().hex[:16]
    arguments = {
        "Type": "LoRaWAN", "Name": "contract", "Description": "d",
        "DestinationName": destination, "ClientRequestToken": str(uuid.uuid4()),
        "LoRaWAN": {
            "DevEui": dev_eui, "DeviceProfileId": profile["Id"], "ServiceProfileId": service["Id"],
            "OtaaV1_0_x": {"AppKey": KEY, "AppEui": "70b3d57ed0000000"},
            "FPorts": {"Fuota": 201, "Applications": [{"FPort": 9, "Type": "SemtechGeolocation"}]},
        },
        "Tags": [{"Key": "room", "Value": "1"}],
    }
    made = client.create_wireless_device(**arguments)
    assert client.create_wireless_device(**arguments)["Id"] == made["Id"], "the token repeats"
    arguments["ClientRequestToken"] = str(uuid.uuid4())
    conflict = refused("ConflictException", client.create_wireless_device, dev_eui, **arguments)
    assert conflict["ResourceId"] == made["Id"], conflict

    for kind, identifier in [("WirelessDeviceId", made["Id"]), ("DevEui", dev_eui.upper())]:
        got = client.get_wireless_device(Identifier=identifier, IdentifierType=kind)
        assert got["Id"] == made["Id"] and got["LoRaWAN"]["DevEui"] == dev_eui, got
        assert got["LoRaWAN"]["OtaaV1_0_x"]["AppKey"] == KEY, got
    gone = refused("ResourceNotFoundException", client.get_wireless_device,
                   Identifier="a-thing", IdentifierType="ThingName")
    assert gone["ResourceType"] == "WirelessDevice", gone

    client.update_wireless_device(Id=made["Id"], Name="renamed", LoRaWAN={
        "FPorts": {"Positioning": {"ClockSync": 7}}})
    listed = everything(client, "list_wireless_devices", "WirelessDeviceList",
                        DestinationName=destination)
    assert [entry["Name"] for entry in listed] == ["renamed"], listed
    statistics = client.get_wireless_device_statistics(WirelessDeviceId=made["Id"])
    assert statistics["WirelessDeviceId"] == made["Id"], statistics
    refused("ConflictException", client.delete_device_profile, made["Id"], Id=profile["Id"])
    refused("ConflictException", client.delete_destination, made["Id"], Name=destination)
    return made


def tags(client, arn):
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b c"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["room", "none"])
    listed = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert listed == [{"Key": "a", "Value": "b c"}], listed


def downlinks(client, device):
    metadata = {"LoRaWAN": {"FPort": 10}}
    sent = [
        client.send_data_to_wireless_device(
            Id=device, TransmitMode=mode, PayloadData=base64.b64encode(b"hello").decode(),
            WirelessMetadata=metadata,
        )["MessageId"]
        for mode in (0, 1, 1)
    ]
    listed = everything(client, "list_queued_messages", "DownlinkQueueMessagesList", Id=device)
    assert [entry["MessageId"] for entry in listed] == sent, listed
    assert [entry["TransmitMode"] for entry in listed] == [0, 1, 1], listed
    client.delete_queued_messages(Id=device, MessageId=sent[1], WirelessDeviceType="LoRaWAN")
    listed = everything(client, "list_queued_messages", "DownlinkQueueMessagesList", Id=device)
    assert [entry["MessageId"] for entry in listed] == [sent[0], sent[2]], listed
    client.delete_queued_messages(Id=device, MessageId="*")
    assert client.list_queued_messages(Id=device)["DownlinkQueueMessagesList"] == []
    refused("ValidationException", client.send_data_to_wireless_device, "PayloadData", Id=device,
            TransmitMode=0, PayloadData="%%%", WirelessMetadata=metadata)


def gateways(client):
    eui = uuid.uuid4().hex[:16]
    dashed = "-".join(eui[at:at + 2] for at in range(0, 16, 2))
    made = client.create_wireless_gateway(
        Name="contract", Description="d",
        LoRaWAN={
            "GatewayEui": dashed, "RfRegion": "EU868", "SubBands": [1], "MaxEirp": 14.0,
            "JoinEuiFilters": [["0000000000000000", "00000000000000ff"]],
            "NetIdFilters": ["000013"],
            "Beaconing": {"DataRate": 3, "Frequencies": [869525000]},
        },
    )
    client.update_wireless_gateway(Id=made["Id"], Name="renamed", MaxEirp=20.5)
    got = client.get_wireless_gateway(Identifier=eui, IdentifierType="GatewayEui")
    assert (got["Id"], got["Name"], got["LoRaWAN"]["MaxEirp"]) == (made["Id"], "renamed", 20.5), got
    listed = everything(client, "list_wireless_gateways", "WirelessGatewayList")
    assert made["Id"] in [entry["Id"] for entry in listed], listed
    statistics = client.get_wireless_gateway_statistics(WirelessGatewayId=made["Id"])
    assert statistics["ConnectionStatus"] == "Disconnected", statistics
    client.delete_wireless_gateway(Id=made["Id"])
    refused("ResourceNotFoundException", client.delete_wireless_gateway, made["Id"], Id=made["Id"])


def multicast(client, device, profile):
    made = client.create_multicast_group(
        Name="lamps", Description="street", ClientRequestToken=uuid.uuid4().hex,
        LoRaWAN={"RfRegion": "EU868", "DlClass": "ClassC",
                 "ParticipatingGateways": {"TransmissionInterval": 500}},
        Tags=[{"Key": "town", "Value": "Delft"}])
    group = made["Id"]
    got = client.get_multicast_group(Id=group)
    assert got["Status"] == "Pending" and got["LoRaWAN"]["DlClass"] == "ClassC", got
    assert group in [entry["Id"] for entry in client.list_multicast_groups()["MulticastGroupList"]]
    client.update_multicast_group(Id=group, Name="lights", LoRaWAN={"DlClass": "ClassB"})
    assert client.get_multicast_group(Id=group)["Name"] == "lights"
    client.associate_wireless_device_with_multicast_group(Id=group, WirelessDeviceId=device)
    listed = client.list_wireless_devices(MulticastGroupId=group)["WirelessDeviceList"]
    assert [entry["Id"] for entry in listed] == [device], listed
    client.disassociate_wireless_device_from_multicast_group(Id=group, WirelessDeviceId=device)
    assert client.list_wireless_devices(MulticastGroupId=group)["WirelessDeviceList"] == []
    query = f"DeviceProfileId: {profile['Id']}"
    client.start_bulk_associate_wireless_device_with_multicast_group(Id=group, QueryString=query)
    assert client.get_multicast_group(Id=group)["LoRaWAN"]["NumberOfDevicesInGroup"] == 1
    client.start_bulk_disassociate_wireless_device_from_multicast_group(
        Id=group, QueryString=query)
    assert client.get_multicast_group(Id=group)["LoRaWAN"]["NumberOfDevicesInGroup"] == 0
    metadata = {"LoRaWAN": {"FPort": 9}}
    refused("ConflictException", client.send_data_to_multicast_group, group,
            Id=group, PayloadData="AQI=", WirelessMetadata=metadata)
    client.start_multicast_group_session(
        Id=group, LoRaWAN={"DlDr": 3, "DlFreq": 869525000, "SessionTimeout": 600,
                           "PingSlotPeriod": 256})
    session = client.get_multicast_group_session(Id=group)["LoRaWAN"]
    assert session["SessionTimeout"] == 1024 and session["PingSlotPeriod"] == 256, session
    sent = client.send_data_to_multicast_group(Id=group, PayloadData="AQI=",
                                               WirelessMetadata=metadata)
    assert sent["MessageId"], sent
    client.cancel_multicast_group_session(Id=group)
    refused("ResourceNotFoundException", client.get_multicast_group_session, group, Id=group)
    client.delete_multicast_group(Id=group)
    refused("ResourceNotFoundException", client.get_multicast_group, group, Id=group)


def service(client):
    endpoint = client.get_service_endpoint(ServiceType="LNS")
    assert endpoint["ServiceEndpoint"].startswith("udp://"), endpoint
    refused("UnknownOperationException", client.list_fuota_tasks, "GET /fuota-tasks")


def aws(url, *arguments, service="iotwireless"):
    """One call of the aws command; its answer, or its complaint."""
    command = [sys.executable, "-m", "awscli", "--endpoint-url", url, "--output", "json",
               service, *arguments]
    done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True,
                          text=True, timeout=120, check=False)
    if done.returncode != 0:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def command_line(url, profile):
    lorawan = {"DevEui": uuid.uuid4().hex[:16], "DeviceProfileId": profile["Id"],
               "OtaaV1_0_x": {"AppKey": KEY, "JoinEui": "70b3d57ed0000000"}}
    made = aws(url, "create-wireless-device", "--type", "LoRaWAN", "--destination-name", "default",
               "--lorawan", json.dumps(lorawan))
    assert isinstance(made, dict), made
    got = aws(url, "get-wireless-device", "--identifier", made["Id"], "--identifier-type",
              "WirelessDeviceId")
    assert isinstance(got, dict) and got["LoRaWAN"]["DevEui"] == lorawan["DevEui"], got
    sent = aws(url, "send-data-to-wireless-device", "--id", made["Id"], "--transmit-mode", "1",
               "--payload-data", "AQID", "--wireless-metadata", "LoRaWAN={FPort=10}")
    assert isinstance(sent, dict) and sent["MessageId"], sent
    assert aws(url, "delete-wireless-device", "--id", made["Id"]) is None
    complaint = aws(url, "delete-wireless-device", "--id", made["Id"])
    assert "ResourceNotFoundException" in complaint and made["Id"] in complaint, complaint


def main(url):
    os.environ.update(ENVIRONMENT)
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client = boto3.client("iotwireless", endpoint_url=url, config=once)
    client.meta.events.register("after-call.iot-wireless", on_answer)
    profile, service_profile = profiles(client)
    destination = destinations(client)
    device = devices(client, profile, service_profile, destination)
    tags(client, device["Arn"])
    downlinks(client, device["Id"])
    gateways(client)
    multicast(client, device["Id"], profile)
    service(client)
    client.delete_wireless_device(Id=device["Id"])
    client.delete_destination(Name=destination)
    client.delete_service_profile(Id=service_profile["Id"])
    command_line(url, profile)
    client.delete_device_profile(Id=profile["Id"])
    print(f"{len(called)} operations conform: {' '.join(sorted(called))}")


if __name__ == "__main__":
    main(sys.argv[1])
