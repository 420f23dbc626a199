//! Connects the workload: wakes clients, carries out what they want, and gives them their answers.

use crate::client::{Action, Client};
use crate::history::{Operation, Value};
use crate::kernel::time::Instant;
use crate::node::{Node, Reply, ReplyToken};
use crate::simulation::{Event, RunPhase, Simulation};
use crate::trace::{Endpoint, Fact};

/// A client at its place.
pub(super) struct Station {
    pub client: Client,
    /// The number of the client's last wake-up: earlier ones are void.
    wake: u32,
}

impl Station {
    pub const fn new(client: Client) -> Self {
        Self { client, wake: 0 }
    }
}

impl<N: Node> Simulation<N> {
    pub(super) fn start_clients(&mut self) {
        for place in 0..self.stations.len() {
            self.with_client(place, 0, Client::start);
        }
    }

    pub(super) fn wake_client(&mut self, client: u32, wake: u32) {
        let station = &mut self.stations[client as usize];
        if station.wake != wake {
            return;
        }
        self.with_client(client as usize, 0, Client::wake);
        self.end_if_audited();
    }

    pub(super) fn client_answered(
        &mut self,
        to: Endpoint,
        token: ReplyToken,
        reply: Reply,
        cause: u64,
    ) {
        let place = to.0 as usize - self.machines.len();
        self.with_client(place, cause, |client, now, actions| {
            client.reply(token, reply, now, actions);
        });
    }

    /// The administrator asks the system for something, until it is done.
    pub(super) fn administer(&mut self, operation: Operation, cause: u64) {
        let place = self.stations.len() - 1;
        self.with_client(place, cause, |client, now, actions| {
            client.give(operation, now, actions);
        });
    }

    /// Shares all keys out among the clients, each to be read once.
    pub(super) fn begin_audit(&mut self) {
        let clients = self.stations.len() - 1;
        if clients == 0 {
            self.ended = true;
            return;
        }
        let mut keys: Vec<Value> = match &self.options.workload.script {
            Some(script) => script.iter().map(|entry| entry.operation.key.clone()).collect(),
            None => self.stations[..clients].iter().flat_map(|s| s.client.keys()).collect(),
        };
        keys.sort_unstable();
        keys.dedup();
        for place in 0..clients {
            let share = keys.iter().skip(place).step_by(clients).cloned().collect();
            self.with_client(place, 0, |client, now, actions| client.audit(share, now, actions));
        }
    }

    fn end_if_audited(&mut self) {
        if self.phase == RunPhase::Audit
            && self.stations.iter().all(|station| station.client.is_done())
        {
            self.ended = true;
        }
    }

    /// Lets a client act, and carries out what it wants.
    fn with_client(
        &mut self,
        place: usize,
        cause: u64,
        act: impl FnOnce(&mut Client, Instant, &mut Vec<Action>),
    ) {
        let mut actions = std::mem::take(&mut self.observer.actions);
        act(&mut self.stations[place].client, self.now, &mut actions);
        for action in actions.drain(..) {
            match action {
                Action::Send(to, request) => {
                    let from = Endpoint((self.machines.len() + place) as u32);
                    self.send_request(from, to, request, cause);
                }
                Action::Wake(at) => {
                    let station = &mut self.stations[place];
                    station.wake = station.wake.wrapping_add(1);
                    let event = Event::Client { client: place as u32, wake: station.wake };
                    self.queue.push(at, event);
                }
                Action::Record(event) => self.record(cause, None, Fact::History(event)),
            }
        }
        self.observer.actions = actions;
    }
}
