//! Moves messages between endpoints: the network decides each message's fate, this carries it out.

use crate::kernel::digest::Digest;
use crate::kernel::ids::NodeId;
use crate::node::{Message, Node, Reply, ReplyToken, Request};
use crate::simulation::machine::Input;
use crate::simulation::{Event, Simulation, guarded, size_of_message};
use crate::trace::{Endpoint, Fact, LossReason};
use crate::world::network::{Arrival, Envelope, Fate, Frame};

/// How many bytes a client's request or a reply takes on the wire.
const REQUEST_BYTES: usize = 128;

/// What is under way.
pub(super) enum Payload<N: Node> {
    Message(N::Message),
    Request(Request),
    Reply(ReplyToken, Reply),
}

/// A message under way on a link, or held by it.
pub(super) struct Flight<N: Node> {
    pub from: Endpoint,
    pub to: Endpoint,
    pub number: u64,
    pub epoch: u32,
    pub kind: &'static str,
    pub cause: u64,
    pub frame: Frame,
    pub payload: Payload<N>,
}

impl<N: Node> Simulation<N> {
    pub(super) fn send_message(
        &mut self,
        from: NodeId,
        to: NodeId,
        message: N::Message,
        cause: u64,
    ) {
        assert!(to.index() < self.machines.len(), "{to} is not a node of this cluster");
        let digest = Digest::of(&message);
        let (kind, size) = (message.kind(), size_of_message(&message));
        self.keep_text(cause, from, || format!("sends {to} {message:?}"));
        let letter = Letter { from: from.into(), to: to.into(), kind, size, digest };
        self.dispatch_letter(letter, Payload::Message(message), cause);
    }

    pub(super) fn send_reply(&mut self, from: NodeId, token: ReplyToken, reply: Reply, cause: u64) {
        let digest = Digest::of(&reply);
        let to = Endpoint(token.client);
        self.record(cause, Some(from), Fact::Replied { to, digest });
        self.keep_text(cause, from, || format!("answers {reply:?}"));
        let letter = Letter { from: from.into(), to, kind: "reply", size: REQUEST_BYTES, digest };
        self.dispatch_letter(letter, Payload::Reply(token, reply), cause);
    }

    pub(super) fn send_request(
        &mut self,
        from: Endpoint,
        to: NodeId,
        request: Request,
        cause: u64,
    ) {
        let digest = Digest::of(&request.id);
        let letter = Letter { from, to: to.into(), kind: "request", size: REQUEST_BYTES, digest };
        self.dispatch_letter(letter, Payload::Request(request), cause);
    }

    fn dispatch_letter(&mut self, letter: Letter, payload: Payload<N>, cause: u64) {
        let Letter { from, to, kind, size, digest } = letter;
        let sender = self.node_of(from);
        if from == to {
            let fact = Fact::Sent { from, to, number: 0, kind, digest };
            let cause = self.observe(cause, sender, fact);
            let frame = Frame::Intact;
            let flight = Flight { from, to, number: 0, epoch: 0, kind, cause, frame, payload };
            let key = self.flights.insert(flight);
            self.queue.push(self.now, Event::Arrive(key));
            return;
        }
        let sent = self.network.send(self.now, Envelope { from, to, kind, size });
        let (number, epoch) = (sent.number, sent.epoch);
        let cause = self.observe(cause, sender, Fact::Sent { from, to, number, kind, digest });
        let (at, frame) = match sent.fate {
            Fate::Lost(reason) => {
                self.record(cause, sender, Fact::Lost { to, number, kind, reason });
                return;
            }
            Fate::Deliver { at, frame } => (Some(at), frame),
            Fate::Held { frame } => (None, frame),
        };
        // A client speaks over a connection, which repeats nothing; what it repeats it repeats itself.
        if let (Some(at), Payload::Message(message)) = (sent.duplicate, &payload) {
            let payload = Payload::Message(message.clone());
            let frame = Frame::Intact;
            let flight = Flight { from, to, number, epoch, kind, cause, frame, payload };
            let key = self.flights.insert(flight);
            self.queue.push(at, Event::Arrive(key));
        }
        let flight = Flight { from, to, number, epoch, kind, cause, frame, payload };
        let key = self.flights.insert(flight);
        match at {
            Some(at) => self.queue.push(at, Event::Arrive(key)),
            None => self.hold(key),
        }
    }

    /// The link holds the message until it is released.
    fn hold(&mut self, key: u32) {
        let flight = self.flights.get(key);
        let (from, to, number, cause) = (flight.from, flight.to, flight.number, flight.cause);
        self.record(cause, self.node_of(from), Fact::Held { to, number });
        self.faults.hold((from, to), key);
    }

    /// A stalled link goes on: what it held arrives now, in the order in which it was sent.
    pub(super) fn release(&mut self, from: Endpoint, to: Endpoint) {
        let mut held = self.faults.released((from, to));
        held.sort_by_key(|&key| self.flights.get(key).number);
        for key in held {
            self.queue.push(self.now, Event::Arrive(key));
        }
    }

    /// A message reaches the end of its link.
    pub(super) fn arrive(&mut self, key: u32) {
        let flight = self.flights.get(key);
        let (from, to, epoch) = (flight.from, flight.to, flight.epoch);
        if from != to {
            match self.network.arrives(from, to, epoch) {
                Arrival::Yes => {}
                Arrival::Held => return self.hold(key),
                Arrival::Lost(reason) => return self.lose(key, reason),
            }
        }
        if let Frame::Damaged(bits) = self.flights.get(key).frame
            && self.checksum_refuses(key, bits)
        {
            return self.refuse(key, LossReason::Damaged);
        }
        let receiver = self.node_of(to);
        if let Some(node) = receiver {
            let machine = &self.machines[node.index()];
            if !machine.is_up() {
                return self.refuse(key, LossReason::ReceiverDown);
            }
            if machine.is_full() {
                return self.refuse(key, LossReason::MailboxFull);
            }
        }
        let Flight { number, kind, cause, payload, .. } = self.flights.remove(key);
        let cause = self.observe(cause, receiver, Fact::Delivered { from, number, kind });
        self.observer.delivered += 1;
        match (payload, receiver) {
            (Payload::Message(message), Some(node)) => {
                self.offer(node, cause, Input::Message(from, message));
            }
            (Payload::Request(request), Some(node)) => {
                self.record(cause, Some(node), Fact::Requested(request.id));
                self.offer(node, cause, Input::Request(request));
            }
            (Payload::Reply(token, reply), None) => {
                self.client_answered(to, token, reply, cause);
            }
            _ => unreachable!("requests go to nodes and replies to clients"),
        }
    }

    /// A message that its link has delivered does not get to its receiver.
    fn refuse(&mut self, key: u32, reason: LossReason) {
        self.observer.refused += 1;
        self.lose(key, reason);
    }

    fn lose(&mut self, key: u32, reason: LossReason) {
        let Flight { from, to, number, kind, cause, .. } = self.flights.remove(key);
        self.record(cause, self.node_of(from), Fact::Lost { to, number, kind, reason });
    }

    /// A damaged frame meets its checksum: encodes the message, flips a bit, and compares.
    fn checksum_refuses(&mut self, key: u32, bits: u32) -> bool {
        let flight = self.flights.get(key);
        let from = flight.from;
        let mut frame = Vec::new();
        let encoded = guarded(|| match &flight.payload {
            Payload::Message(message) => message.encode(&mut frame),
            Payload::Request(request) => frame.extend(format!("{request:?}").bytes()),
            Payload::Reply(_, reply) => frame.extend(format!("{reply:?}").bytes()),
        });
        if let Err(message) = encoded {
            let node = self.node_of(from).expect("only a node's messages have code of its own");
            self.node_panicked(node, &message);
        }
        let sound = Digest::of(frame.as_slice());
        let bit = bits as usize % (8 * frame.len().max(1));
        if let Some(byte) = frame.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        Digest::of(frame.as_slice()) != sound
    }

    /// The node behind an endpoint, if it is one.
    pub(super) fn node_of(&self, endpoint: Endpoint) -> Option<NodeId> {
        ((endpoint.0 as usize) < self.machines.len()).then_some(NodeId(endpoint.0))
    }

    /// Puts a text into the trace, if one is kept.
    fn keep_text(&mut self, cause: u64, node: NodeId, text: impl FnOnce() -> String) {
        if self.observer.trace.is_kept() {
            match guarded(text) {
                Ok(text) => self.record(cause, Some(node), Fact::Note(text)),
                Err(message) => self.node_panicked(node, &message),
            }
        }
    }
}

/// What is known of a message before the network has seen it.
#[derive(Clone, Copy)]
struct Letter {
    from: Endpoint,
    to: Endpoint,
    kind: &'static str,
    size: usize,
    digest: u64,
}

impl From<NodeId> for Endpoint {
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}
