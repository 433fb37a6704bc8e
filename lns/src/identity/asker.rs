//! Who asks something over HTTP, and what it may.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use lns_lorawan::Timestamp;
use lns_pipeline::policy::{Action, Context, Permissions};
use parking_lot::Mutex;

use super::access::{Proof, Sources, context};
use super::{Shown, reserved};
use crate::registry::{Policy, Registry};

/// Somebody who has proved who it is, and what its policies allow it now.
///
/// HTTP has no client identifier, so that a policy that speaks of one allows nothing here, and its
/// thing is the one that is its principal's alone. `iot:Connect` is not asked for: nobody connects.
#[derive(Debug)]
pub struct Asker {
    /// Who it is: a certificate's id, or a user's name.
    pub principal: Arc<str>,
    permissions: Permissions,
    policies: Vec<Arc<Policy>>,
    context: Context,
}

/// How many askers are remembered: about as many as HTTP has connections.
const REMEMBERED: usize = 1024;

/// Who asks, from where, and by which name it calls the server.
type Identifier = (String, IpAddr, Option<Box<str>>);

/// Those who have asked lately, each with the records that its rights are made of. The proof and the
/// records are looked at for each request; the rights are made anew when the records are others,
/// because that takes as long as the rest of a request.
#[derive(Default)]
pub(super) struct Askers(Mutex<HashMap<Identifier, (Sources, Arc<Asker>)>>);

impl Askers {
    /// Who has proved this; `None`: the proof proves nothing any more.
    pub fn of(
        &self,
        proof: &Proof,
        shown: &Shown<'_>,
        (registry, now): (&Registry, Timestamp),
    ) -> Option<Arc<Asker>> {
        let sources = Sources::of(proof, None, (registry, now))?;
        let name = shown.server_name.map(Into::into);
        let identifier = (proof.principal().to_string(), shown.source, name);
        if let Some((known, asker)) = self.0.lock().get(&identifier)
            && known.same(&sources)
        {
            return Some(Arc::clone(asker));
        }
        let asker = Arc::new(Asker::new(proof, shown, &sources));
        let mut all = self.0.lock();
        if all.len() >= REMEMBERED {
            // Rare, and each costs one look more: nobody keeps a list of who was here last.
            all.clear();
        }
        all.insert(identifier, (sources, Arc::clone(&asker)));
        Some(asker)
    }
}

impl Asker {
    fn new(proof: &Proof, shown: &Shown<'_>, sources: &Sources) -> Self {
        let context = context(None, (Some(shown.source), shown.server_name), sources);
        let policies = sources.policies.iter().filter_map(|policy| policy.read());
        let permissions = Permissions::new(policies, &context);
        let principal = proof.name().into();
        Self { principal, permissions, policies: sources.policies.clone(), context }
    }

    /// Whether it may send a message of this topic to a client: `iot:Topic` is known for that alone.
    pub fn may_send(&self, client_id: &str, topic: &str) -> bool {
        let context = Context { topic: Some(topic.to_owned()), ..self.context.clone() };
        let policies = self.policies.iter().filter_map(|policy| policy.read());
        Permissions::new(policies, &context).allows(Action::SendDirectMessage, client_id)
    }

    /// Whether it may do this with what is called `name`, as [`Action::target`] says.
    pub fn may(&self, action: Action, name: &str) -> bool {
        let ours = match action {
            Action::Publish => !reserved::may_publish(name),
            Action::GetRetainedMessage => !reserved::may_hear(name),
            Action::Connect
            | Action::RetainPublish
            | Action::Subscribe
            | Action::Receive
            | Action::ListRetainedMessages
            | Action::GetThingShadow
            | Action::UpdateThingShadow
            | Action::DeleteThingShadow
            | Action::ListNamedShadowsForThing
            | Action::DeleteConnection
            | Action::GetConnection
            | Action::ListSubscriptions
            | Action::SendDirectMessage
            | Action::DescribeJobExecution
            | Action::GetPendingJobExecutions
            | Action::UpdateJobExecution
            | Action::StartNextPendingJobExecution
            | Action::AssumeRoleWithCertificate => false,
        };
        !ours && self.permissions.allows(action, name)
    }
}
