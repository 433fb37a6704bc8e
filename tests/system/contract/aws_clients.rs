//! AWS's own clients, boto3 and the aws command, against the HTTP API on loopback.
//!
//! The script beside this file does the work and can be pointed at any server. Here the API runs
//! over a memory store and a fake of the partitions. `PYTHON` names another interpreter.

#[path = "../../../lns/tests/fake/mod.rs"]
#[allow(dead_code, reason = "shared with the API's own tests, which use other parts")]
mod fake;

use std::net::SocketAddr;
use std::process::Command;

use lns::api::{bind, serve};

/// The operations that the server implements, by AWS's names.
const OPERATIONS: [&str; 45] = [
    "AssociateWirelessDeviceWithMulticastGroup",
    "CancelMulticastGroupSession",
    "CreateDestination",
    "CreateDeviceProfile",
    "CreateMulticastGroup",
    "CreateServiceProfile",
    "CreateWirelessDevice",
    "CreateWirelessGateway",
    "DeleteDestination",
    "DeleteDeviceProfile",
    "DeleteMulticastGroup",
    "DeleteQueuedMessages",
    "DeleteServiceProfile",
    "DeleteWirelessDevice",
    "DeleteWirelessGateway",
    "DisassociateWirelessDeviceFromMulticastGroup",
    "GetDestination",
    "GetDeviceProfile",
    "GetMulticastGroup",
    "GetMulticastGroupSession",
    "GetServiceEndpoint",
    "GetServiceProfile",
    "GetWirelessDevice",
    "GetWirelessDeviceStatistics",
    "GetWirelessGateway",
    "GetWirelessGatewayStatistics",
    "ListDestinations",
    "ListDeviceProfiles",
    "ListMulticastGroups",
    "ListQueuedMessages",
    "ListServiceProfiles",
    "ListTagsForResource",
    "ListWirelessDevices",
    "ListWirelessGateways",
    "SendDataToMulticastGroup",
    "SendDataToWirelessDevice",
    "StartBulkAssociateWirelessDeviceWithMulticastGroup",
    "StartBulkDisassociateWirelessDeviceFromMulticastGroup",
    "StartMulticastGroupSession",
    "TagResource",
    "UntagResource",
    "UpdateDestination",
    "UpdateMulticastGroup",
    "UpdateWirelessDevice",
    "UpdateWirelessGateway",
];

/// The operations on things, their events, and rules' destinations.
const OF_THINGS: [&str; 50] = [
    "AddThingToThingGroup",
    "AssociateWirelessDeviceWithThing",
    "AssociateWirelessGatewayWithThing",
    "CreateThing",
    "CreateThingGroup",
    "CreateThingType",
    "CreateTopicRule",
    "CreateTopicRuleDestination",
    "DeleteThing",
    "DeleteThingGroup",
    "DeleteThingType",
    "DeleteTopicRule",
    "DeleteTopicRuleDestination",
    "DeprecateThingType",
    "DescribeEndpoint",
    "DescribeEventConfigurations",
    "DescribeThing",
    "DescribeThingGroup",
    "DescribeThingType",
    "DisassociateWirelessDeviceFromThing",
    "DisassociateWirelessGatewayFromThing",
    "GetEventConfigurationByResourceTypes",
    "GetResourceEventConfiguration",
    "DisableTopicRule",
    "EnableTopicRule",
    "GetTopicRule",
    "GetTopicRuleDestination",
    "ListEventConfigurations",
    "ListTagsForResource",
    "ListThingGroups",
    "ListThingGroupsForThing",
    "ListThingTypes",
    "ListThings",
    "ListThingsInThingGroup",
    "ListTopicRuleDestinations",
    "ListTopicRules",
    "ReplaceTopicRule",
    "RemoveThingFromThingGroup",
    "TagResource",
    "UntagResource",
    "UpdateEventConfigurationByResourceTypes",
    "UpdateEventConfigurations",
    "UpdateResourceEventConfiguration",
    "UpdateThing",
    "UpdateThingGroup",
    "UpdateThingGroupsForThing",
    "UpdateThingType",
    "UpdateTopicRuleDestination",
    "ListDestinations",
    "GetWirelessDevice",
];

/// Those that say who may do what.
const OF_IDENTITY: [&str; 39] = [
    "AttachPolicy",
    "AttachPrincipalPolicy",
    "AttachThingPrincipal",
    "CreateCertificateFromCsr",
    "CreateKeysAndCertificate",
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeleteCACertificate",
    "DeleteCertificate",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DescribeCACertificate",
    "DescribeCertificate",
    "DetachPolicy",
    "DetachPrincipalPolicy",
    "DetachThingPrincipal",
    "GetEffectivePolicies",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRegistrationCode",
    "ListAttachedPolicies",
    "ListCACertificates",
    "ListCertificates",
    "ListCertificatesByCA",
    "ListPolicies",
    "ListPolicyVersions",
    "ListPrincipalPolicies",
    "ListPrincipalThings",
    "ListPrincipalThingsV2",
    "ListTargetsForPolicy",
    "ListThingPrincipals",
    "ListThingPrincipalsV2",
    "RegisterCACertificate",
    "RegisterCertificate",
    "RegisterCertificateWithoutCA",
    "SetDefaultPolicyVersion",
    "TestAuthorization",
    "UpdateCACertificate",
    "UpdateCertificate",
];

/// Runs a script against a server of its own; it must have called these.
async fn conforms(script: &str, operations: &[&str]) {
    let (router, _fake) = fake::api();
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--http").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, router, async {
        stopped.await.ok();
    }));

    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = format!("{}/system/contract/{script}", env!("CARGO_MANIFEST_DIR"));
    let run = move || {
        let mut command = Command::new(&python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(&url).output()
    };
    let done = tokio::task::spawn_blocking(run).await.unwrap().expect("cannot run python3");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}{complained}\nneeds: pip install boto3 awscli");
    for operation in operations {
        assert!(said.contains(operation), "{operation} was not called: {said}");
    }
    stop.send(()).unwrap();
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn awss_own_clients_understand_every_operation() {
    conforms("aws_clients.py", &OPERATIONS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn awss_own_clients_of_things_share_the_port() {
    conforms("aws_iot.py", &OF_THINGS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn awss_own_clients_say_who_may_do_what() {
    conforms("aws_identity.py", &OF_IDENTITY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_awss_models_forbid_is_refused_and_what_is_not_served_is_listed() {
    let operations = [&OPERATIONS[..], &OF_THINGS, &OF_IDENTITY].concat();
    conforms("aws_model.py", &operations).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn awss_own_clients_of_shadows_know_every_refusal() {
    let operations = [
        "DeleteConnection",
        "DeleteThingShadow",
        "GetRetainedMessage",
        "GetThingShadow",
        "ListNamedShadowsForThing",
        "ListRetainedMessages",
        "Publish",
        "UpdateThingShadow",
    ];
    conforms("aws_iot_data.py", &operations).await;
}
