//! Multicast groups, behind the mailboxes of their homes.

use std::sync::Arc;

use lns_core::multicast::{GroupAbout, GroupCommand, GroupId, GroupItem};
use tokio::sync::oneshot;

use super::Service;
use crate::api::{DeviceError, GroupSeen, Groups, Reply as Promise, Which};
use crate::message::{CommandError, Reply, ToGroup, ToPartition};

impl Service {
    /// Gives a command to a group's home; `then` is called after the commit.
    pub fn command_group(
        &self,
        group: GroupId,
        command: GroupCommand,
        then: impl FnOnce(Result<(), CommandError>) + Send + 'static,
    ) {
        self.mail(group, ToGroup::Command(command, Reply::new(then)));
    }

    fn mail(&self, group: GroupId, message: ToGroup) {
        let partition = self.router.partition_of_group(group);
        // A message that does not fit is dropped, and its reply says so.
        let _ = self.partitions.try_send(partition, ToPartition::Group(group, message));
    }

    fn ask_group<T: Send + 'static>(
        &self,
        group: GroupId,
        command: GroupCommand,
        answer: T,
    ) -> Promise<T> {
        let (sender, receiver) = oneshot::channel();
        self.command_group(group, command, move |done| {
            let _ = sender.send(done.map(|()| answer).map_err(refused));
        });
        receiver
    }
}

impl Groups for Service {
    fn describe(&self, about: Arc<GroupAbout>) -> Promise<()> {
        self.ask_group(about.id, GroupCommand::Describe(about), ())
    }

    fn forget(&self, group: GroupId) -> Promise<()> {
        let (sender, receiver) = oneshot::channel();
        let reply = Reply::new(move |done: Result<(), CommandError>| {
            let _ = sender.send(match done {
                Ok(()) | Err(CommandError::UnknownGroup) => Ok(()),
                Err(error) => Err(refused(error)),
            });
        });
        self.mail(group, ToGroup::Forget(reply));
        receiver
    }

    fn enqueue(&self, group: GroupId, mut item: GroupItem) -> Promise<u64> {
        item.expires_at.get_or_insert(item.queued_at + self.expiry);
        let id = item.id;
        self.ask_group(group, GroupCommand::Enqueue(item), id)
    }

    fn seen(&self, group: GroupId) -> Promise<GroupSeen> {
        let (sender, receiver) = oneshot::channel();
        let now = self.clock.now();
        self.mail(
            group,
            ToGroup::Look(Box::new(move |group| {
                let _ = sender.send(Ok(group.map_or_else(GroupSeen::default, |group| {
                    let waiting = group.waiting(now).into_iter();
                    GroupSeen {
                        f_cnt_down: group.f_cnt_down.map(|next| next.0),
                        queue: waiting.map(|(item, waits)| (item.clone(), waits)).collect(),
                    }
                })));
            })),
        );
        receiver
    }

    fn drop_items(&self, group: GroupId, which: Which) -> Promise<usize> {
        let (sender, receiver) = oneshot::channel();
        let (command, wanted) = match which {
            Which::All => (GroupCommand::Clear, None),
            Which::One(id) => (GroupCommand::Drop(id), Some(id)),
        };
        // Looked at and carried out in this order by the one writer of the group.
        let (count_sender, count) = std::sync::mpsc::sync_channel(1);
        let now = self.clock.now();
        self.mail(
            group,
            ToGroup::Look(Box::new(move |group| {
                let waiting = group.map(|group| group.waiting(now)).unwrap_or_default();
                let matching =
                    waiting.iter().filter(|(item, _)| wanted.is_none_or(|id| item.id == id));
                let _ = count_sender.send(matching.count());
            })),
        );
        self.command_group(group, command, move |done| {
            let there = count.try_recv().unwrap_or(0);
            let _ = sender.send(done.map(|()| there).map_err(refused));
        });
        receiver
    }
}

fn refused(error: CommandError) -> DeviceError {
    match error {
        CommandError::Overload => DeviceError::Busy,
        CommandError::QueueFull { limit } => DeviceError::QueueFull { limit },
        CommandError::Impossible(reason) => DeviceError::Refused(reason.into()),
        CommandError::UnknownDevice | CommandError::UnknownGroup => {
            DeviceError::Refused(error.to_string())
        }
    }
}
