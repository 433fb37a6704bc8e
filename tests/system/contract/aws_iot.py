"""AWS's own clients of iot, beside those of iotwireless on the same port, against the HTTP API.

    python3 aws_iot.py http://127.0.0.1:8080

Calls every operation of iot that the server implements through boto3, what iotwireless has to do
with things and events, and a few through the aws command. Answers are held to AWS's service models,
as aws_clients.py does it. Leaves nothing behind. Needs: pip install boto3 awscli
"""

import os
import sys
import urllib.request
import uuid

import boto3
from aws_clients import ENVIRONMENT, aws, called, on_answer, refused
from botocore.config import Config

MARK = uuid.uuid4().hex[:8]


def pages(client, operation, name, **arguments):
    """All entries of a list that the SDK pages through by itself, two at a time."""
    paginator = client.get_paginator(operation)
    found = paginator.paginate(PaginationConfig={"PageSize": 2}, **arguments)
    return [entry for page in found for entry in page[name]]


def things(iot):
    names = [f"t{at}-{MARK}" for at in range(5)]
    kind = f"kind-{MARK}"
    iot.create_thing_type(thingTypeName=kind, thingTypeProperties={
        "thingTypeDescription": "lamps", "searchableAttributes": ["room"]},
        tags=[{"Key": "k", "Value": "v"}])
    for at, name in enumerate(names):
        arguments = {"thingName": name, "thingTypeName": kind,
                     "attributePayload": {"attributes": {"at": str(at), "mark": MARK}}}
        made = iot.create_thing(**arguments)
        assert iot.create_thing(**arguments)["thingId"] == made["thingId"], "the same again"
    refused("ResourceAlreadyExistsException", iot.create_thing, names[0], thingName=names[0])
    got = iot.describe_thing(thingName=names[1])
    assert (got["attributes"]["at"], got["version"], got["defaultClientId"]) == ("1", 1, names[1])
    iot.update_thing(thingName=names[1], expectedVersion=1, attributePayload={
        "attributes": {"at": "", "new": "yes"}, "merge": True})
    got = iot.describe_thing(thingName=names[1])
    assert got["attributes"] == {"mark": MARK, "new": "yes"} and got["version"] == 2, got
    refused("VersionConflictException", iot.update_thing, thingName=names[1], expectedVersion=1)
    refused("ResourceNotFoundException", iot.describe_thing, "none", thingName="none")
    refused("InvalidRequestException", iot.create_thing, "thingName", thingName="a b")
    listed = pages(iot, "list_things", "things", attributeName="mark", attributeValue=MARK)
    assert [thing["thingName"] for thing in listed] == names, listed
    listed = iot.list_things(thingTypeName=kind, attributeName="at", attributeValue="4")["things"]
    assert [thing["thingName"] for thing in listed] == names[4:], listed
    return names, kind


def thing_types(iot, kind, names):
    got = iot.describe_thing_type(thingTypeName=kind)
    assert got["thingTypeProperties"]["searchableAttributes"] == ["room"], got
    assert got["thingTypeMetadata"]["creationDate"].year >= 2024, got
    iot.update_thing_type(thingTypeName=kind,
                          thingTypeProperties={"thingTypeDescription": "all lamps"})
    listed = pages(iot, "list_thing_types", "thingTypes", thingTypeName=kind)
    assert listed[0]["thingTypeProperties"]["thingTypeDescription"] == "all lamps", listed
    arn = got["thingTypeArn"]
    iot.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "b c"}])
    iot.untag_resource(resourceArn=arn, tagKeys=["k"])
    assert iot.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "b c"}]
    refused("InvalidRequestException", iot.delete_thing_type, "deprecate", thingTypeName=kind)
    iot.deprecate_thing_type(thingTypeName=kind)
    refused("InvalidRequestException", iot.create_thing, kind, thingName="x", thingTypeName=kind)
    refused("InvalidRequestException", iot.delete_thing_type, names[0], thingTypeName=kind)


def thing_groups(iot, names):
    house, hall = f"house-{MARK}", f"hall-{MARK}"
    iot.create_thing_group(thingGroupName=house, tags=[{"Key": "k", "Value": "v"}])
    iot.create_thing_group(thingGroupName=hall, parentGroupName=house, thingGroupProperties={
        "thingGroupDescription": "d", "attributePayload": {"attributes": {"a": "1"}}})
    got = iot.describe_thing_group(thingGroupName=hall)
    above = got["thingGroupMetadata"]["rootToParentThingGroups"]
    assert [group["groupName"] for group in above] == [house], got
    changed = iot.update_thing_group(thingGroupName=hall, expectedVersion=1, thingGroupProperties={
        "attributePayload": {"attributes": {"b": "2"}, "merge": True}})
    assert changed["version"] == 2, changed
    for name in names:
        iot.add_thing_to_thing_group(thingGroupName=hall, thingName=name)
    refused("InvalidRequestException", iot.add_thing_to_thing_group, hall,
            thingGroupName=house, thingName=names[0])
    members = pages(iot, "list_things_in_thing_group", "things", thingGroupName=house,
                    recursive=True)
    assert members == names, members
    iot.remove_thing_from_thing_group(thingGroupName=hall, thingName=names[0])
    groups = pages(iot, "list_thing_groups_for_thing", "thingGroups", thingName=names[0])
    assert groups == [], groups
    iot.update_thing_groups_for_thing(thingName=names[0], thingGroupsToAdd=[hall])
    groups = iot.list_thing_groups_for_thing(thingName=names[0])["thingGroups"]
    assert [group["groupName"] for group in groups] == [hall], groups
    below = pages(iot, "list_thing_groups", "thingGroups", parentGroup=house)
    assert [group["groupName"] for group in below] == [hall], below
    refused("InvalidRequestException", iot.delete_thing_group, hall, thingGroupName=house)
    for name in (hall, house, house):
        iot.delete_thing_group(thingGroupName=name)


def destinations(iot, wireless):
    """Both services have /destinations: the scope of the signature says whose is meant."""
    made = [iot.create_topic_rule_destination(destinationConfiguration={
        "httpUrlConfiguration": {"confirmationUrl": f"https://example.org/{MARK}/{at}"},
    })["topicRuleDestination"] for at in range(3)]
    arn = made[0]["arn"]
    got = iot.get_topic_rule_destination(arn=arn)["topicRuleDestination"]
    assert got["status"] == "IN_PROGRESS" and MARK in got["httpUrlProperties"]["confirmationUrl"]
    listed = pages(iot, "list_topic_rule_destinations", "destinationSummaries")
    assert {entry["arn"] for entry in made} <= {entry["arn"] for entry in listed}, listed
    names = [entry["Name"] for entry in wireless.list_destinations()["DestinationList"]]
    assert "default" in names, names
    iot.update_topic_rule_destination(arn=arn, status="DISABLED")
    got = iot.get_topic_rule_destination(arn=arn)["topicRuleDestination"]
    assert got["status"] == "DISABLED", got
    refused("InvalidRequestException", iot.update_topic_rule_destination, "not confirmed",
            arn=arn, status="ENABLED")
    refused("InvalidRequestException", iot.confirm_topic_rule_destination,
            confirmationToken="a/b+c")
    refused("InvalidRequestException", iot.create_topic_rule_destination, "VPC",
            destinationConfiguration={"vpcConfiguration": {
                "vpcId": "v", "subnetIds": ["s"], "roleArn": "r"}})
    for entry in made:
        iot.delete_topic_rule_destination(arn=entry["arn"])
    refused("UnauthorizedException", iot.get_topic_rule_destination, arn=arn)


def rules(iot):
    name = f"rule_{MARK}"
    republish = {"republish": {"topic": "hot/${clientid()}", "roleArn": "arn:aws:iam::1:role/r"}}
    payload = {"sql": "SELECT temperature AS t FROM 'farm/+' WHERE temperature > 20",
               "awsIotSqlVersion": "2016-03-23", "description": "d", "ruleDisabled": False,
               "actions": [republish], "errorAction": republish}
    iot.create_topic_rule(ruleName=name, topicRulePayload=payload, tags="room=hall%201")
    refused("ResourceAlreadyExistsException", iot.create_topic_rule, name, ruleName=name,
            topicRulePayload=payload)
    got = iot.get_topic_rule(ruleName=name)
    for member in payload:
        assert got["rule"][member] == payload[member], (member, got)
    tags = iot.list_tags_for_resource(resourceArn=got["ruleArn"])["tags"]
    assert tags == [{"Key": "room", "Value": "hall 1"}], tags
    iot.disable_topic_rule(ruleName=name)
    listed = pages(iot, "list_topic_rules", "rules", topic="farm/+", ruleDisabled=True)
    assert [rule["ruleName"] for rule in listed] == [name], listed
    assert listed[0]["topicPattern"] == "farm/+", listed
    iot.enable_topic_rule(ruleName=name)
    iot.replace_topic_rule(ruleName=name, topicRulePayload={**payload, "sql": "SELECT * FROM 'b'"})
    assert iot.get_topic_rule(ruleName=name)["rule"]["sql"] == "SELECT * FROM 'b'"
    refused("SqlParseException", iot.create_topic_rule, ruleName="x",
            topicRulePayload={**payload, "sql": "SELEKT nonsense"})
    refused("InvalidRequestException", iot.create_topic_rule, ruleName="x",
            topicRulePayload={**payload, "actions": [republish] * 11})
    iot.delete_topic_rule(ruleName=name)
    refused("UnauthorizedException", iot.get_topic_rule, name, ruleName=name)


def associations(iot, wireless, thing):
    profile = wireless.create_device_profile(LoRaWAN={"MacVersion": "1.0.3"})["Id"]
    eui = uuid.uuid4().hex[:16]
    device = wireless.create_wireless_device(
        Type="LoRaWAN", DestinationName="default",
        LoRaWAN={"DevEui": eui, "DeviceProfileId": profile,
                 "OtaaV1_0_x": {"AppKey": "00" * 16, "AppEui": "00" * 8}})["Id"]
    gateway = wireless.create_wireless_gateway(LoRaWAN={"GatewayEui": eui})["Id"]
    arn = iot.describe_thing(thingName=thing)["thingArn"]
    wireless.associate_wireless_device_with_thing(Id=device, ThingArn=arn)
    wireless.associate_wireless_gateway_with_thing(Id=gateway, ThingArn=arn)
    got = wireless.get_wireless_device(Identifier=thing, IdentifierType="ThingName")
    assert (got["Id"], got["ThingName"], got["ThingArn"]) == (device, thing, arn), got
    got = wireless.get_wireless_gateway(Identifier=thing, IdentifierType="ThingName")
    assert (got["Id"], got["ThingName"]) == (gateway, thing), got
    refused("InvalidRequestException", iot.delete_thing, device, thingName=thing)
    refused("ResourceNotFoundException", wireless.associate_wireless_device_with_thing,
            Id=device, ThingArn="arn:aws:iot:eu-west-1:123456789012:thing/none")
    events(wireless, device, gateway, eui)
    wireless.disassociate_wireless_device_from_thing(Id=device)
    wireless.disassociate_wireless_gateway_from_thing(Id=gateway)
    wireless.delete_wireless_device(Id=device)
    wireless.delete_wireless_gateway(Id=gateway)
    wireless.delete_device_profile(Id=profile)


def events(wireless, device, gateway, eui):
    on, off = "Enabled", "Disabled"
    for word in (on, off):
        wireless.update_event_configuration_by_resource_types(
            Join={"LoRaWAN": {"WirelessDeviceEventTopic": word}},
            ConnectionStatus={"LoRaWAN": {"WirelessGatewayEventTopic": word}})
        got = wireless.get_event_configuration_by_resource_types()
        assert got["Join"]["LoRaWAN"]["WirelessDeviceEventTopic"] == word, got
    wireless.update_resource_event_configuration(
        Identifier=eui, IdentifierType="DevEui",
        Join={"LoRaWAN": {"DevEuiEventTopic": on}, "WirelessDeviceIdEventTopic": off})
    got = wireless.get_resource_event_configuration(Identifier=device,
                                                    IdentifierType="WirelessDeviceId")
    assert got["Join"]["LoRaWAN"]["DevEuiEventTopic"] == on, got
    wireless.update_resource_event_configuration(
        Identifier=gateway, IdentifierType="WirelessGatewayId",
        ConnectionStatus={"WirelessGatewayIdEventTopic": on})
    for kind, identifier in (("WirelessDevice", device), ("WirelessGateway", gateway)):
        listed = wireless.list_event_configurations(ResourceType=kind)["EventConfigurationsList"]
        assert identifier in [entry["Identifier"] for entry in listed], listed
    refused("ValidationException", wireless.update_event_configuration_by_resource_types,
            "Sidewalk", Proximity={"Sidewalk": {"WirelessDeviceEventTopic": on}})


def registry_events(iot):
    for enabled in (True, False):
        iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": enabled}})
        got = iot.describe_event_configurations()["eventConfigurations"]
        assert got["THING"]["Enabled"] is enabled and got["JOB"]["Enabled"] is False, got
    refused("InvalidRequestException", iot.update_event_configurations, "JOB",
            eventConfigurations={"JOB": {"Enabled": True}})


def endpoint(iot, url):
    for kind in ("iot:Data-ATS", "iot:Data", "iot:CredentialProvider", "iot:Jobs"):
        got = iot.describe_endpoint(endpointType=kind)["endpointAddress"]
        assert url == f"http://{got}", got
    refused("UnknownOperationException", iot.list_fleet_metrics)


def command_line(url):
    name = f"cli-{MARK}"
    made = aws(url, "create-thing", "--thing-name", name, "--attribute-payload",
               "attributes={room=hall}", service="iot")
    assert isinstance(made, dict) and made["thingName"] == name, made
    listed = aws(url, "list-things", "--attribute-name", "room", "--page-size", "1", service="iot")
    assert name in [thing["thingName"] for thing in listed["things"]], listed
    assert aws(url, "list-topic-rule-destinations", service="iot") == {"destinationSummaries": []}
    assert aws(url, "list-destinations")["DestinationList"], "of iotwireless, on the same path"
    assert aws(url, "delete-thing", "--thing-name", name, service="iot") is None
    complaint = aws(url, "describe-thing", "--thing-name", name, service="iot")
    assert "ResourceNotFoundException" in complaint and name in complaint, complaint
    # Without a signature the path alone decides, and iotwireless comes first.
    with urllib.request.urlopen(f"{url}/destinations", timeout=30) as answer:
        assert b"DestinationList" in answer.read()
    with urllib.request.urlopen(f"{url}/things", timeout=30) as answer:
        assert b'"things"' in answer.read()


def main(url):
    os.environ.update(ENVIRONMENT)
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    iot = boto3.client("iot", endpoint_url=url, config=once)
    wireless = boto3.client("iotwireless", endpoint_url=url, config=once)
    for client, name in ((iot, "iot"), (wireless, "iot-wireless")):
        client.meta.events.register(f"after-call.{name}", on_answer)
    names, kind = things(iot)
    thing_types(iot, kind, names)
    thing_groups(iot, names)
    associations(iot, wireless, names[0])
    rules(iot)
    destinations(iot, wireless)
    registry_events(iot)
    endpoint(iot, url)
    for name in names + names[:1]:
        iot.delete_thing(thingName=name)
    iot.delete_thing_type(thingTypeName=kind)
    refused("ResourceNotFoundException", iot.describe_thing_type, thingTypeName=kind)
    command_line(url)
    print(f"{len(called)} operations conform: {' '.join(sorted(called))}")


if __name__ == "__main__":
    main(sys.argv[1])
