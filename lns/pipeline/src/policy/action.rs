//! What can be allowed, and on what kind of thing.

use super::glob::Glob;

/// Something that a client may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Connect under a client identifier.
    Connect,
    /// Publish to a topic.
    Publish,
    /// Publish with RETAIN.
    RetainPublish,
    /// Subscribe to a topic filter.
    Subscribe,
    /// Be given a message of a topic.
    Receive,
    /// Read a retained message by HTTP.
    GetRetainedMessage,
    /// List the retained messages by HTTP.
    ListRetainedMessages,
    /// Read a shadow by HTTP.
    GetThingShadow,
    /// Change a shadow by HTTP.
    UpdateThingShadow,
    /// Delete a shadow by HTTP.
    DeleteThingShadow,
    /// List a thing's named shadows by HTTP.
    ListNamedShadowsForThing,
    /// End another client's connection.
    DeleteConnection,
    /// Ask about another client's connection.
    GetConnection,
    /// Ask what another client is subscribed to.
    ListSubscriptions,
    /// Send a message to one client.
    SendDirectMessage,
    /// Read a job execution by HTTP.
    DescribeJobExecution,
    /// List a thing's job executions by HTTP.
    GetPendingJobExecutions,
    /// Report on a job execution by HTTP.
    UpdateJobExecution,
    /// Take up the next job execution by HTTP.
    StartNextPendingJobExecution,
    /// Change a certificate for a role's credentials.
    AssumeRoleWithCertificate,
}

/// The kind of resource that an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `client/{client identifier}`
    Client,
    /// `topic/{topic name}`
    Topic,
    /// `topicfilter/{topic filter}`
    TopicFilter,
    /// `thing/{thing name}`, or `thing/{thing name}/{shadow name}`
    Thing,
    /// `rolealias/{role alias}`
    RoleAlias,
    /// Nothing smaller than everything: `*`
    Everything,
}

impl Target {
    pub(super) const ALL: [Target; 6] = [
        Target::Client,
        Target::Topic,
        Target::TopicFilter,
        Target::Thing,
        Target::RoleAlias,
        Target::Everything,
    ];

    /// How the resource part of an ARN of this kind begins.
    pub const fn prefix(self) -> &'static str {
        match self {
            Target::Client => "client/",
            Target::Topic => "topic/",
            Target::TopicFilter => "topicfilter/",
            Target::Thing => "thing/",
            Target::RoleAlias => "rolealias/",
            Target::Everything => "",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 20] = [
        Action::Connect,
        Action::Publish,
        Action::RetainPublish,
        Action::Subscribe,
        Action::Receive,
        Action::GetRetainedMessage,
        Action::ListRetainedMessages,
        Action::GetThingShadow,
        Action::UpdateThingShadow,
        Action::DeleteThingShadow,
        Action::ListNamedShadowsForThing,
        Action::DeleteConnection,
        Action::GetConnection,
        Action::ListSubscriptions,
        Action::SendDirectMessage,
        Action::DescribeJobExecution,
        Action::GetPendingJobExecutions,
        Action::UpdateJobExecution,
        Action::StartNextPendingJobExecution,
        Action::AssumeRoleWithCertificate,
    ];

    /// Its name behind `iot:`.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Connect => "Connect",
            Action::Publish => "Publish",
            Action::RetainPublish => "RetainPublish",
            Action::Subscribe => "Subscribe",
            Action::Receive => "Receive",
            Action::GetRetainedMessage => "GetRetainedMessage",
            Action::ListRetainedMessages => "ListRetainedMessages",
            Action::GetThingShadow => "GetThingShadow",
            Action::UpdateThingShadow => "UpdateThingShadow",
            Action::DeleteThingShadow => "DeleteThingShadow",
            Action::ListNamedShadowsForThing => "ListNamedShadowsForThing",
            Action::DeleteConnection => "DeleteConnection",
            Action::GetConnection => "GetConnection",
            Action::ListSubscriptions => "ListSubscriptions",
            Action::SendDirectMessage => "SendDirectMessage",
            Action::DescribeJobExecution => "DescribeJobExecution",
            Action::GetPendingJobExecutions => "GetPendingJobExecutions",
            Action::UpdateJobExecution => "UpdateJobExecution",
            Action::StartNextPendingJobExecution => "StartNextPendingJobExecution",
            Action::AssumeRoleWithCertificate => "AssumeRoleWithCertificate",
        }
    }

    /// What it is about.
    pub const fn target(self) -> Target {
        match self {
            Action::Connect
            | Action::DeleteConnection
            | Action::GetConnection
            | Action::ListSubscriptions
            | Action::SendDirectMessage => Target::Client,
            Action::Publish
            | Action::RetainPublish
            | Action::Receive
            | Action::GetRetainedMessage => Target::Topic,
            Action::Subscribe => Target::TopicFilter,
            Action::GetThingShadow
            | Action::UpdateThingShadow
            | Action::DeleteThingShadow
            | Action::ListNamedShadowsForThing
            | Action::DescribeJobExecution
            | Action::GetPendingJobExecutions
            | Action::UpdateJobExecution
            | Action::StartNextPendingJobExecution => Target::Thing,
            Action::AssumeRoleWithCertificate => Target::RoleAlias,
            Action::ListRetainedMessages => Target::Everything,
        }
    }

    /// The action of this name, with or without `iot:` before it, in any case.
    pub fn named(name: &str) -> Option<Action> {
        let bare = match name.get(..4) {
            Some(service) if service.eq_ignore_ascii_case("iot:") => &name[4..],
            _ => name,
        };
        Action::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(bare))
    }
}

/// Some actions: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Actions(u32);

impl Actions {
    pub const CONNECT: Actions = Actions(1 << Action::Connect as u32);

    pub fn all() -> Self {
        Action::ALL.into_iter().fold(Actions(0), |set, action| set.with(action))
    }

    pub fn with(self, action: Action) -> Self {
        Actions(self.0 | 1 << action as u32)
    }

    pub fn and(self, other: Self) -> Self {
        Actions(self.0 & other.0)
    }

    pub fn or(self, other: Self) -> Self {
        Actions(self.0 | other.0)
    }

    pub fn without(self, other: Self) -> Self {
        Actions(self.0 & !other.0)
    }

    pub fn has(self, action: Action) -> bool {
        self.0 & 1 << action as u32 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of a kind.
    pub fn about(self, target: Target) -> Self {
        let of_it = Action::ALL.into_iter().filter(|action| action.target() == target);
        self.and(of_it.fold(Actions(0), Actions::with))
    }
}

/// Services whose actions AWS's examples have beside `iot:`. They grant nothing here.
const OTHERS: [&str; 3] = ["greengrass", "iotjobsdata", "credentials"];

/// The actions that an element of `Action` names: `iot:Publish`, `iot:*`, `iot:Get*`, `*`.
pub(super) fn read(text: &str) -> Result<Actions, String> {
    if text == "*" {
        return Ok(Actions::all());
    }
    let Some((service, name)) = text.split_once(':') else {
        return Err(format!("{text:?} is no action; write iot:Publish, iot:* or *"));
    };
    if OTHERS.iter().any(|other| other.eq_ignore_ascii_case(service)) {
        return Ok(Actions::default());
    }
    let spelled = |b: u8| b.is_ascii_alphanumeric() || b == b'*' || b == b'?';
    if !service.eq_ignore_ascii_case("iot") || name.is_empty() || !name.bytes().all(spelled) {
        return Err(format!("{text:?} is no action of iot, such as iot:Publish or iot:*"));
    }
    let pattern = Glob::of_pattern(&name.to_ascii_lowercase());
    let meant = Action::ALL.into_iter().filter(|action| {
        let name = action.name().to_ascii_lowercase();
        pattern.matches(&name)
    });
    let meant = meant.fold(Actions::default(), Actions::with);
    if meant.is_empty() {
        return Err(format!("{text:?} names no action that this server knows"));
    }
    Ok(meant)
}
