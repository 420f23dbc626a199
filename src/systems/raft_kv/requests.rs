//! What clients ask, and when they are answered.
//!
//! Nothing hangs silently: who asks a node that does not lead is told so at once, who waits too long is told that nobody
//! knows, and who waits for a leader that is deposed is told by it.

use crate::history::functions;
use crate::history::functions::RECONFIGURE;
use crate::node::{Reply, Request};
use crate::patterns::idempotent_receiver::Arrival;
use crate::patterns::request_batch::{Due, Pipe};
use crate::systems::raft_kv::Timer;
use crate::systems::raft_kv::commands::{Command, Update};
use crate::systems::raft_kv::leading::Proposal;
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

impl Replica {
    /// A client asks.
    pub fn on_request(&mut self, request: Request, ctx: &mut Ctx<'_>) -> Done {
        match request.operation.function.as_ref() {
            functions::READ => self.read(request, ctx),
            functions::READ_BOUNDED => {
                self.read_bounded(request, ctx);
                Ok(())
            }
            functions::READ_SESSION => {
                self.read_session(request, ctx);
                Ok(())
            }
            _ if self.leading.is_none() => {
                let leader = self.part.leader();
                if leader.is_none() {
                    ctx.mark("client.rejected-no-leader");
                }
                ctx.reply(request.token, Reply::NotLeader(leader));
                Ok(())
            }
            RECONFIGURE => self.reconfigure(&request, ctx),
            _ => self.update(&request, ctx),
        }
    }

    fn update(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Done {
        if let Some(outcome) = self.state.known_outcome(request.id)
            && matches!((self.parts.admit)(Arrival::Repeat(outcome.clone())), Arrival::Repeat(_))
        {
            ctx.mark("client.duplicate-suppressed");
            ctx.reply(request.token, outcome.reply());
            return Ok(());
        }
        let Some(command) = command_of(request) else {
            ctx.reply(request.token, Reply::Fail("malformed operation"));
            return Ok(());
        };
        let pipe = if self.journal.is_syncing() { Pipe::Busy } else { Pipe::Idle };
        let Some(leading) = &mut self.leading else { return Ok(()) };
        match leading.batch.add(Proposal { command, client: Some(request.token) }, pipe) {
            Due::Now => self.flush_batch(ctx),
            Due::After(linger) => {
                ctx.set_timer(Timer::Linger, linger);
                Ok(())
            }
            Due::Waiting => Ok(()),
        }
    }

    /// Appends what has been collected.
    pub fn flush_batch(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let Some(leading) = &mut self.leading else { return Ok(()) };
        if leading.batch.is_empty() {
            return Ok(());
        }
        let proposals = leading.batch.take();
        ctx.cancel_timer(Timer::Linger);
        self.append_own(proposals, ctx)
    }

    /// Sets the timer that ends long waits, if it is not set.
    pub fn arm_deadline(&mut self, ctx: &mut Ctx<'_>) {
        if !self.deadline_armed {
            self.deadline_armed = true;
            ctx.set_timer(Timer::Deadline, self.options.request_deadline / 8);
        }
    }

    /// Some requests may have waited long enough.
    pub fn on_deadline(&mut self, ctx: &mut Ctx<'_>) {
        self.deadline_armed = false;
        let now = ctx.now();
        if let Some(leading) = &mut self.leading {
            while let Some(client) = leading.waiting.expire(now) {
                ctx.reply(client, Reply::Unknown("no majority in time"));
            }
        }
        self.expire_reads(ctx);
        let updates_wait = self.leading.as_ref().is_some_and(|l| !l.waiting.is_empty());
        if updates_wait || !self.reads.is_empty() {
            self.arm_deadline(ctx);
        }
    }
}

fn command_of(request: &Request) -> Option<Command> {
    let operation = &request.operation;
    if operation.function == functions::OPEN_SESSION {
        return Some(Command::OpenSession(request.id.session));
    }
    let update = Update::parse(operation)?;
    Some(Command::Update { request: request.id, key: operation.key.clone(), update })
}
