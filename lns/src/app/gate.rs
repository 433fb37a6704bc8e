//! Who the broker's clients are: the broker asks, and `identity` answers.

use std::sync::Arc;

use lns_broker::{Access, ReasonCode};

use crate::broker::{Admitted, Broker, Caller, Gate};
use crate::identity::{Identified, Identity, Shown};

/// The broker's gate, kept by whoever knows the clients.
pub(super) struct Gatekeeper(pub Arc<Identity>);

fn shown(caller: &Caller) -> Shown<'_> {
    Shown {
        client_id: &caller.client_id,
        username: caller.username.as_deref(),
        password: caller.password.as_deref(),
        certificates: &caller.certificates,
        server_name: caller.server_name.as_deref(),
        source: caller.address.ip().to_canonical(),
    }
}

impl Gate for Gatekeeper {
    fn admit(&self, caller: &Caller) -> Result<Option<Admitted>, ReasonCode> {
        let identified = self.0.identify(&shown(caller))?;
        Ok(identified.map(|Identified { principal, thing, access }| Admitted {
            principal: Some(principal),
            thing,
            access,
        }))
    }

    fn turned_away(&self, caller: &Caller) {
        self.0.turn_away(&shown(caller));
    }

    fn access(&self, client_id: &str, principal: &str) -> Option<Arc<dyn Access>> {
        self.0.remembered(client_id, principal).map(|identified| identified.access)
    }
}

/// Tells the broker whose rights have changed, and who may not be connected any more.
pub(super) fn refresh(identity: &Identity, broker: &dyn Broker) {
    let Some(broker) = broker.embedded() else { return };
    let changes = identity.refresh();
    if changes.rights {
        broker.access_changed();
    }
    for principal in &changes.gone {
        broker.expel(principal);
    }
}
