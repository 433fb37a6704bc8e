//! setShadow: updates a thing's shadow.
//!
//! Each task in its turn, since the next may be for the same shadow.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::Deed;
use super::super::task::Task;
use super::Shadows;

pub(super) struct SetShadow {
    pub shadows: Arc<dyn Shadows>,
}

#[async_trait]
impl Client for SetShadow {
    fn appetite(&self) -> Appetite {
        Appetite::of(64)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut updates = Vec::new();
        for task in tasks {
            updates.push(match &task.deed {
                Deed::SetShadow { thing, shadow, payload } => {
                    let hops = task.source.hops.saturating_add(1);
                    Some(self.shadows.update((thing, shadow.as_deref()), payload.clone(), hops))
                }
                _ => None,
            });
        }
        let mut outcomes = Vec::new();
        for update in updates {
            outcomes.push(match update {
                None => Outcome::Refused("not a shadow's update".to_owned()),
                Some(update) => update
                    .await
                    .unwrap_or_else(|_| Outcome::Away("the shadows are stopping".to_owned())),
            });
        }
        outcomes
    }
}
