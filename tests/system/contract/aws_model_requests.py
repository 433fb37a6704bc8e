"""For each operation that the server has: a request with all that it may be given, made anew for
each call together with what it speaks of. Used by aws_model.py."""

import json
import os
import subprocess
import tempfile
import uuid

KEY = "2b7e151628aed2a6abf7158809cf4f3c"
TAGS = [{"Key": "k", "Value": "v"}]
ROLE = "arn:aws:iam::123456789012:role/IoT"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}]})
STATE = b'{"state":{}}'
SWITCH = {"WirelessDeviceIdEventTopic": "Disabled"}


def mark(characters=8):
    return uuid.uuid4().hex[:characters]


def republish():
    headers = {"payloadFormatIndicator": "UTF8_DATA", "contentType": "x", "responseTopic": "r",
               "correlationData": "c", "messageExpiry": "10",
               "userProperties": [{"key": "a", "value": "b"}]}
    return {"republish": {"topic": "a", "roleArn": ROLE, "qos": 1, "headers": headers}}


def rule(action):
    return {"sql": "SELECT * FROM 'a/+'", "description": "d", "actions": [action],
            "ruleDisabled": False, "awsIotSqlVersion": "2016-03-23", "errorAction": republish()}


class Authority:
    """An authority of openssl's, and what it signs."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        for key in ("ca.key", "leaf.key"):
            self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        self.run("req", "-x509", "-key", "ca.key", "-out", "ca.pem", "-days", "30", "-subj",
                 f"/CN={mark()}", "-addext", "basicConstraints=critical,CA:TRUE")
        self.certificate = self.text("ca.pem")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder.name, capture_output=True,
                       check=True, timeout=60)

    def text(self, name):
        with open(os.path.join(self.folder.name, name), encoding="utf-8") as file:
            return file.read()

    def request(self, name):
        self.run("req", "-new", "-key", "leaf.key", "-out", "leaf.csr", "-subj", f"/CN={name}")
        return self.text("leaf.csr")

    def signed(self, name):
        self.request(name)
        self.run("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-out", "leaf.pem", "-days", "30")
        return self.text("leaf.pem")


class Requests:
    """Requests of all services, by clients that make what they speak of."""

    def __init__(self, clients):
        self.wireless, self.iot, self.data = (clients[name] for name in clients)
        self.profile = self.new_profile()
        self.service = self.wireless.create_service_profile(LoRaWAN={})["Id"]
        self.device, self.gateway = self.new_device(), self.new_gateway()
        self.thing, self.type, self.thing_group = self.new_thing(), self.new_type(), self.new_tree()
        self.certificate = self.new_certificate()["certificateArn"]
        self.authority = self.new_authority()["certificateId"]

    def of(self, service):
        if service == "iotwireless":
            return {**self.provisioning(), **self.traffic(), **self.groups(), **self.switches()}
        if service == "iot":
            return {**self.things(), **self.trees(), **self.rules(), **self.policies(),
                    **self.certificates(), **self.principals()}
        return self.messages()

    def new_profile(self):
        return self.wireless.create_device_profile(LoRaWAN={
            "MacVersion": "1.0.3", "RfRegion": "EU868", "SupportsClassC": True})["Id"]

    def device_request(self):
        ports = {"Fuota": 201, "Multicast": 200, "ClockSync": 202, **self.ports()}
        return {"Type": "LoRaWAN", "Name": "n", "Description": "d", "DestinationName": "default",
                "ClientRequestToken": mark(), "Tags": TAGS, "Positioning": "Disabled", "LoRaWAN": {
                    "DevEui": mark(16), "DeviceProfileId": self.profile, "FPorts": ports,
                    "ServiceProfileId": self.service, "OtaaV1_0_x": {
                        "AppKey": KEY, "AppEui": "70b3d57ed0000000", "GenAppKey": KEY}}}

    def ports(self):
        return {"Positioning": {"ClockSync": 199, "Stream": 198, "Gnss": 197}, "Applications": [
            {"FPort": 9, "Type": "SemtechGeolocation", "DestinationName": "default"}]}

    def new_device(self):
        return self.wireless.create_wireless_device(**self.device_request())["Id"]

    def gateway_request(self):
        return {"Name": "n", "Description": "d", "Tags": TAGS, "ClientRequestToken": mark(),
                "LoRaWAN": {"GatewayEui": mark(16), "RfRegion": "EU868", "SubBands": [1],
                            "JoinEuiFilters": [["0000000000000000", "00000000000000ff"]],
                            "NetIdFilters": ["000013"], "MaxEirp": 14.0,
                            "Beaconing": {"DataRate": 3, "Frequencies": [869525000]}}}

    def new_gateway(self):
        return self.wireless.create_wireless_gateway(**self.gateway_request())["Id"]

    def new_destination(self):
        name = f"d{mark()}"
        self.wireless.create_destination(Name=name, ExpressionType="MqttTopic", Expression="a",
                                         RoleArn=ROLE)
        return name

    def new_group(self, session=False, member=None):
        group = self.wireless.create_multicast_group(
            LoRaWAN={"RfRegion": "EU868", "DlClass": "ClassC"})["Id"]
        if session:
            self.wireless.start_multicast_group_session(Id=group, LoRaWAN={"SessionTimeout": 600})
        if member:
            self.wireless.associate_wireless_device_with_multicast_group(
                Id=group, WirelessDeviceId=member)
        return group

    def provisioning(self):
        profile = {"SupportsClassB": True, "ClassBTimeout": 5, "PingSlotPeriod": 128,
                   "PingSlotDr": 3, "PingSlotFreq": 8695250, "SupportsClassC": True,
                   "ClassCTimeout": 5, "MacVersion": "1.0.3", "RegParamsRevision": "RP002-1.0.1",
                   "RxDelay1": 1, "RxDrOffset1": 0, "RxDataRate2": 0, "RxFreq2": 8695250,
                   "FactoryPresetFreqsList": [8681000], "MaxEirp": 15, "MaxDutyCycle": 0,
                   "RfRegion": "EU868", "SupportsJoin": True, "Supports32BitFCnt": True}
        service = {"AddGwMetadata": True, "DrMin": 0, "DrMax": 5, "PrAllowed": False,
                   "RaAllowed": False, "TxPowerIndexMin": 0, "TxPowerIndexMax": 5,
                   "NbTransMin": 1, "NbTransMax": 3}
        arn = f"arn:aws:iotwireless:a:1:WirelessDevice/{self.device}"
        made = lambda **more: {"Tags": TAGS, "ClientRequestToken": mark(), **more}
        return {
            "CreateDeviceProfile": lambda: made(Name="n", LoRaWAN=profile),
            "GetDeviceProfile": lambda: {"Id": self.profile},
            "DeleteDeviceProfile": lambda: {"Id": self.new_profile()},
            "ListDeviceProfiles": lambda: {"MaxResults": 9, "DeviceProfileType": "LoRaWAN"},
            "CreateServiceProfile": lambda: made(Name="n", LoRaWAN=service),
            "GetServiceProfile": lambda: {"Id": self.service},
            "DeleteServiceProfile": lambda: {
                "Id": self.wireless.create_service_profile(LoRaWAN={})["Id"]},
            "ListServiceProfiles": lambda: {"MaxResults": 9},
            "CreateDestination": lambda: made(Name=f"d{mark()}", ExpressionType="MqttTopic",
                                              Expression="a/b", Description="d", RoleArn=ROLE),
            "GetDestination": lambda: {"Name": "default"},
            "UpdateDestination": lambda: {"Name": self.new_destination(), "Expression": "x",
                                          "ExpressionType": "RuleName", "RoleArn": ROLE,
                                          "Description": "z"},
            "DeleteDestination": lambda: {"Name": self.new_destination()},
            "ListDestinations": lambda: {"MaxResults": 9},
            "CreateWirelessDevice": self.device_request,
            "GetWirelessDevice": lambda: {"Identifier": self.device,
                                          "IdentifierType": "WirelessDeviceId"},
            "UpdateWirelessDevice": lambda: {
                "Id": self.new_device(), "DestinationName": "default", "Name": "x",
                "Description": "y", "Positioning": "Disabled", "LoRaWAN": {
                    "DeviceProfileId": self.profile, "ServiceProfileId": self.service,
                    "FPorts": self.ports()}},
            "DeleteWirelessDevice": lambda: {"Id": self.new_device()},
            "ListWirelessDevices": lambda: {
                "MaxResults": 9, "DestinationName": "default", "DeviceProfileId": self.profile,
                "ServiceProfileId": self.service, "WirelessDeviceType": "LoRaWAN"},
            "CreateWirelessGateway": self.gateway_request,
            "GetWirelessGateway": lambda: {"Identifier": self.gateway,
                                           "IdentifierType": "WirelessGatewayId"},
            "UpdateWirelessGateway": lambda: {
                "Id": self.new_gateway(), "Name": "x", "Description": "y", "MaxEirp": 20.0,
                "JoinEuiFilters": [["0000000000000000", "00000000000000ff"]],
                "NetIdFilters": ["000013"]},
            "DeleteWirelessGateway": lambda: {"Id": self.new_gateway()},
            "ListWirelessGateways": lambda: {"MaxResults": 9},
            "TagResource": lambda: {"ResourceArn": arn, "Tags": TAGS},
            "UntagResource": lambda: {"ResourceArn": arn, "TagKeys": ["k"]},
            "ListTagsForResource": lambda: {"ResourceArn": arn},
            "GetServiceEndpoint": lambda: {"ServiceType": "LNS"},
        }

    def traffic(self):
        metadata = {"LoRaWAN": {"FPort": 10}}
        thing = lambda: self.iot.describe_thing(thingName=self.thing)["thingArn"]
        return {
            "GetWirelessDeviceStatistics": lambda: {"WirelessDeviceId": self.device},
            "GetWirelessGatewayStatistics": lambda: {"WirelessGatewayId": self.gateway},
            # Of a device of its own each time: a queue is bounded.
            "SendDataToWirelessDevice": lambda: {
                "Id": self.new_device(), "TransmitMode": 1, "PayloadData": "AQI=",
                "WirelessMetadata": metadata},
            "ListQueuedMessages": lambda: {"Id": self.device, "MaxResults": 9,
                                           "WirelessDeviceType": "LoRaWAN"},
            "DeleteQueuedMessages": lambda: {"Id": self.device, "MessageId": "*",
                                             "WirelessDeviceType": "LoRaWAN"},
            "AssociateWirelessDeviceWithThing": lambda: {"Id": self.device, "ThingArn": thing()},
            "DisassociateWirelessDeviceFromThing": lambda: {"Id": self.device},
            "AssociateWirelessGatewayWithThing": lambda: {"Id": self.gateway, "ThingArn": thing()},
            "DisassociateWirelessGatewayFromThing": lambda: {"Id": self.gateway},
        }

    def groups(self):
        lorawan = {"RfRegion": "EU868", "DlClass": "ClassC", "ParticipatingGateways": {
            "GatewayList": [self.gateway], "TransmissionInterval": 500}}
        model = self.wireless.meta.service_model.shape_for("LoRaWANMulticast")
        if "DefaultSessionParameters" in model.members:
            lorawan["DefaultSessionParameters"] = {"DlDr": 3, "DlFreq": 869525000}
        query = {"QueryString": "DeviceName: x", "Tags": TAGS}
        return {
            "CreateMulticastGroup": lambda: {"Name": "g", "Description": "d", "Tags": TAGS,
                                             "ClientRequestToken": mark(), "LoRaWAN": lorawan},
            "GetMulticastGroup": lambda: {"Id": self.new_group()},
            "UpdateMulticastGroup": lambda: {"Id": self.new_group(), "Name": "x",
                                             "Description": "y", "LoRaWAN": lorawan},
            "DeleteMulticastGroup": lambda: {"Id": self.new_group()},
            "ListMulticastGroups": lambda: {"MaxResults": 9},
            "AssociateWirelessDeviceWithMulticastGroup": lambda: {
                "Id": self.new_group(), "WirelessDeviceId": self.device},
            "DisassociateWirelessDeviceFromMulticastGroup": lambda: {
                "Id": self.new_group(member=self.device), "WirelessDeviceId": self.device},
            "StartBulkAssociateWirelessDeviceWithMulticastGroup": lambda: {
                "Id": self.new_group(), **query},
            "StartBulkDisassociateWirelessDeviceFromMulticastGroup": lambda: {
                "Id": self.new_group(), **query},
            "StartMulticastGroupSession": lambda: {"Id": self.new_group(), "LoRaWAN": {
                "DlDr": 3, "DlFreq": 869525000, "SessionTimeout": 600, "PingSlotPeriod": 256}},
            "GetMulticastGroupSession": lambda: {"Id": self.new_group(session=True)},
            "CancelMulticastGroupSession": lambda: {"Id": self.new_group(session=True)},
            "SendDataToMulticastGroup": lambda: {
                "Id": self.new_group(session=True), "PayloadData": "AQI=",
                "WirelessMetadata": {"LoRaWAN": {"FPort": 9}}},
        }

    def switches(self):
        off = {"Sidewalk": {"WirelessDeviceEventTopic": "Disabled"}}
        one_off = {"Sidewalk": {"AmazonIdEventTopic": "Disabled"}, **SWITCH}
        device = {"Identifier": self.device, "IdentifierType": "WirelessDeviceId"}
        return {
            "GetEventConfigurationByResourceTypes": dict,
            "UpdateEventConfigurationByResourceTypes": lambda: {
                "DeviceRegistrationState": off, "Proximity": off, "MessageDeliveryStatus": off,
                "Join": {"LoRaWAN": {"WirelessDeviceEventTopic": "Enabled"}},
                "ConnectionStatus": {"LoRaWAN": {"WirelessGatewayEventTopic": "Enabled"}}},
            "ListEventConfigurations": lambda: {"ResourceType": "WirelessDevice", "MaxResults": 9},
            "GetResourceEventConfiguration": lambda: device,
            "UpdateResourceEventConfiguration": lambda: {
                **device, "DeviceRegistrationState": one_off, "Proximity": one_off,
                "MessageDeliveryStatus": one_off,
                "Join": {"LoRaWAN": {"DevEuiEventTopic": "Enabled"}, **SWITCH}},
        }

    def new_thing(self, principal=None):
        name = f"t{mark()}"
        self.iot.create_thing(thingName=name)
        if principal:
            self.iot.attach_thing_principal(thingName=name, principal=principal)
        return name

    def new_type(self, deprecated=False):
        name = f"y{mark()}"
        self.iot.create_thing_type(thingTypeName=name)
        if deprecated:
            self.iot.deprecate_thing_type(thingTypeName=name)
        return name

    def new_tree(self):
        name = f"g{mark()}"
        self.iot.create_thing_group(thingGroupName=name)
        return name

    def things(self):
        attributes = {"attributePayload": {"attributes": {"a": "b"}, "merge": False}}
        described = {"thingTypeDescription": "d", "searchableAttributes": ["a"]}
        arn = f"arn:aws:iot:a:1:thingtype/{self.type}"
        return {
            "CreateThing": lambda: {"thingName": f"t{mark()}", "thingTypeName": self.type,
                                    **attributes},
            "DescribeThing": lambda: {"thingName": self.thing},
            "GetThingConnectivityData": lambda: {"thingName": self.thing,
                                                 "includeSocketInformation": True},
            "UpdateThing": lambda: {"thingName": self.new_thing(), "thingTypeName": self.type,
                                    "expectedVersion": 1, "removeThingType": False, **attributes},
            "DeleteThing": lambda: {"thingName": self.new_thing(), "expectedVersion": 1},
            "ListThings": lambda: {"maxResults": 9, "attributeName": "a", "attributeValue": "b",
                                   "thingTypeName": self.type, "usePrefixAttributeValue": False},
            "CreateThingType": lambda: {"thingTypeName": f"y{mark()}", "tags": TAGS,
                                        "thingTypeProperties": described},
            "DescribeThingType": lambda: {"thingTypeName": self.type},
            "UpdateThingType": lambda: {"thingTypeName": self.new_type(),
                                        "thingTypeProperties": described},
            "DeprecateThingType": lambda: {"thingTypeName": self.new_type(),
                                           "undoDeprecate": False},
            "DeleteThingType": lambda: {"thingTypeName": self.new_type(deprecated=True)},
            "ListThingTypes": lambda: {"maxResults": 9, "thingTypeName": self.type},
            "TagResource": lambda: {"resourceArn": arn, "tags": TAGS},
            "UntagResource": lambda: {"resourceArn": arn, "tagKeys": ["k"]},
            "ListTagsForResource": lambda: {"resourceArn": arn},
            "DescribeEndpoint": lambda: {"endpointType": "iot:Data-ATS"},
            "DescribeEventConfigurations": dict,
            "UpdateEventConfigurations": lambda: {
                "eventConfigurations": {"THING": {"Enabled": True}}},
        }

    def trees(self):
        properties = {"thingGroupDescription": "d", "attributePayload": {
            "attributes": {"a": "1"}, "merge": True}}
        both = {"thingGroupName": self.thing_group, "thingName": self.thing}
        return {
            "CreateThingGroup": lambda: {
                "thingGroupName": f"g{mark()}", "parentGroupName": self.thing_group,
                "thingGroupProperties": properties, "tags": TAGS},
            "DescribeThingGroup": lambda: {"thingGroupName": self.thing_group},
            "UpdateThingGroup": lambda: {"thingGroupName": self.new_tree(), "expectedVersion": 1,
                                         "thingGroupProperties": properties},
            "DeleteThingGroup": lambda: {"thingGroupName": self.new_tree(), "expectedVersion": 1},
            "ListThingGroups": lambda: {"maxResults": 9, "parentGroup": self.thing_group,
                                        "namePrefixFilter": "g", "recursive": True},
            "AddThingToThingGroup": lambda: {**both, "overrideDynamicGroups": False},
            "RemoveThingFromThingGroup": lambda: both,
            "ListThingsInThingGroup": lambda: {"thingGroupName": self.thing_group,
                                               "recursive": True, "maxResults": 9},
            "ListThingGroupsForThing": lambda: {"thingName": self.thing, "maxResults": 9},
            "UpdateThingGroupsForThing": lambda: {
                "thingName": self.thing, "thingGroupsToAdd": [self.thing_group],
                "thingGroupsToRemove": [], "overrideDynamicGroups": False},
        }

    def new_rule(self):
        name = f"r{mark()}"
        self.iot.create_topic_rule(ruleName=name, topicRulePayload=rule(republish()))
        return name

    def new_rule_destination(self):
        url = f"https://example.org/{mark()}"
        made = self.iot.create_topic_rule_destination(
            destinationConfiguration={"httpUrlConfiguration": {"confirmationUrl": url}})
        return made["topicRuleDestination"]["arn"]

    def rules(self):
        post = {"http": {"url": "https://example.org/a", "confirmationUrl": "https://example.org/",
                         "headers": [{"key": "h", "value": "v"}]}}
        named = lambda: {"ruleName": self.new_rule()}
        return {
            "CreateTopicRule": lambda: {"ruleName": f"r{mark()}", "tags": "a=b",
                                        "topicRulePayload": rule(republish())},
            "GetTopicRule": named, "EnableTopicRule": named, "DisableTopicRule": named,
            "DeleteTopicRule": named,
            "ReplaceTopicRule": lambda: {"ruleName": self.new_rule(),
                                         "topicRulePayload": rule(post)},
            "ListTopicRules": lambda: {"topic": "a/+", "maxResults": 9, "ruleDisabled": False},
            "CreateTopicRuleDestination": lambda: {"destinationConfiguration": {
                "httpUrlConfiguration": {"confirmationUrl": f"https://example.org/{mark()}"}}},
            "GetTopicRuleDestination": lambda: {"arn": self.new_rule_destination()},
            "UpdateTopicRuleDestination": lambda: {"arn": self.new_rule_destination(),
                                                   "status": "DISABLED"},
            "DeleteTopicRuleDestination": lambda: {"arn": self.new_rule_destination()},
            "ListTopicRuleDestinations": lambda: {"maxResults": 9},
        }

    def new_policy(self, version=False):
        name = f"p{mark()}"
        self.iot.create_policy(policyName=name, policyDocument=POLICY)
        if version:
            self.iot.create_policy_version(policyName=name, policyDocument=POLICY)
        return name

    def new_certificate(self, active=True):
        return self.iot.create_keys_and_certificate(setAsActive=active)

    def policies(self):
        older = {"pageSize": 9, "ascendingOrder": True}
        named = lambda: {"policyName": self.new_policy()}
        second = lambda: {"policyName": self.new_policy(version=True), "policyVersionId": "2"}
        arn = lambda: self.new_certificate()["certificateArn"]
        return {
            "CreatePolicy": lambda: {"policyName": f"p{mark()}", "policyDocument": POLICY,
                                     "tags": TAGS},
            "GetPolicy": named, "DeletePolicy": named, "ListPolicyVersions": named,
            "ListPolicies": lambda: older,
            "CreatePolicyVersion": lambda: {**named(), "policyDocument": POLICY,
                                            "setAsDefault": True},
            "GetPolicyVersion": second, "DeletePolicyVersion": second,
            "SetDefaultPolicyVersion": second,
            "AttachPolicy": lambda: {**named(), "target": arn()},
            "DetachPolicy": lambda: {**named(), "target": self.certificate},
            "AttachPrincipalPolicy": lambda: {**named(), "principal": arn()},
            "DetachPrincipalPolicy": lambda: {**named(), "principal": self.certificate},
            "ListAttachedPolicies": lambda: {"target": self.certificate, "recursive": True,
                                             "pageSize": 9},
            "ListTargetsForPolicy": lambda: {**named(), "pageSize": 9},
            "ListPolicyPrincipals": lambda: {**named(), **older},
            "ListPrincipalPolicies": lambda: {"principal": self.certificate, **older},
            "TestAuthorization": lambda: {
                "principal": self.certificate, "clientId": "c", "policyNamesToAdd": [],
                "policyNamesToSkip": [], "authInfos": [
                    {"actionType": "PUBLISH", "resources": ["arn:aws:iot:a:1:topic/a"]}]},
            "GetEffectivePolicies": lambda: {"principal": self.certificate,
                                             "thingName": self.thing},
        }

    def authority_request(self):
        authority, code = Authority(), self.iot.get_registration_code()["registrationCode"]
        request = {"caCertificate": authority.certificate, "setAsActive": True, "tags": TAGS,
                   "verificationCertificate": authority.signed(code),
                   "allowAutoRegistration": True, "certificateMode": "DEFAULT"}
        return authority, request

    def new_authority(self):
        _, request = self.authority_request()
        return self.iot.register_ca_certificate(**{**request, "setAsActive": False})

    def signed_request(self):
        authority, request = self.authority_request()
        self.iot.register_ca_certificate(**request)
        return {"certificatePem": authority.signed("valve"), "status": "ACTIVE",
                "caCertificatePem": authority.certificate}

    def certificates(self):
        older = {"pageSize": 9, "ascendingOrder": True}
        inactive = lambda: self.new_certificate(active=False)["certificateId"]
        authority = lambda: self.new_authority()["certificateId"]
        return {
            "CreateKeysAndCertificate": lambda: {"setAsActive": True},
            "CreateCertificateFromCsr": lambda: {
                "certificateSigningRequest": Authority().request("a"), "setAsActive": True},
            "DescribeCertificate": lambda: {"certificateId": self.certificate.split("/")[1]},
            "UpdateCertificate": lambda: {"certificateId": inactive(), "newStatus": "ACTIVE"},
            "DeleteCertificate": lambda: {"certificateId": inactive(), "forceDelete": True},
            "ListCertificates": lambda: older,
            "RegisterCertificate": self.signed_request,
            "RegisterCertificateWithoutCA": lambda: {
                "certificatePem": Authority().signed("lone"), "status": "ACTIVE"},
            "GetRegistrationCode": dict,
            "RegisterCACertificate": lambda: self.authority_request()[1],
            "DescribeCACertificate": lambda: {"certificateId": self.authority},
            "UpdateCACertificate": lambda: {
                "certificateId": authority(), "newStatus": "ACTIVE",
                "newAutoRegistrationStatus": "ENABLE", "removeAutoRegistration": False},
            "DeleteCACertificate": lambda: {"certificateId": authority()},
            "ListCACertificates": lambda: older,
            "ListCertificatesByCA": lambda: {"caCertificateId": self.authority, **older},
        }

    def principals(self):
        of_thing = {"thingName": self.thing, "maxResults": 9}
        of_principal = {"principal": self.certificate, "maxResults": 9}
        exclusive = {"thingPrincipalType": "EXCLUSIVE_THING"}
        return {
            "AttachThingPrincipal": lambda: {
                "thingName": self.new_thing(), "principal": self.certificate,
                "thingPrincipalType": "NON_EXCLUSIVE_THING"},
            "DetachThingPrincipal": lambda: {"thingName": self.new_thing(self.certificate),
                                             "principal": self.certificate},
            "ListThingPrincipals": lambda: of_thing,
            "ListThingPrincipalsV2": lambda: {**of_thing, **exclusive},
            "ListPrincipalThings": lambda: of_principal,
            "ListPrincipalThingsV2": lambda: {**of_principal, **exclusive},
        }

    def messages(self):
        shadow = {"thingName": self.thing, "shadowName": "s"}

        def kept():
            self.data.update_thing_shadow(payload=STATE, **shadow)
            return shadow

        def retained():
            self.data.publish(topic="kept", retain=True, payload=b"x")
            return {"topic": "kept"}

        return {
            "Publish": lambda: {
                "topic": "a/b", "qos": 1, "retain": False, "payload": b"x", "contentType": "t",
                "userProperties": '[{"a":"b"}]', "payloadFormatIndicator": "UTF8_DATA",
                "responseTopic": "r", "correlationData": "YQ==", "messageExpiry": 10},
            "UpdateThingShadow": lambda: {"payload": STATE, **shadow},
            "GetThingShadow": kept, "DeleteThingShadow": kept,
            "ListNamedShadowsForThing": lambda: {"thingName": self.thing, "pageSize": 9},
            "ListRetainedMessages": lambda: {"maxResults": 9},
            "GetRetainedMessage": retained,
        }
