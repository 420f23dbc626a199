//! **Durability of acknowledged writes**: what a client was told to be done is in the final order.
//!
//! A write is found in the order by its request: a node that applies an entry says whose request it was. At
//! the end the *final order* is the log of the node that leads then, if no newer leadership was claimed by
//! anybody else. If nobody leads in the end, an acknowledged write counts as lost only if it stands in no
//! node's log, up or down.
//!
//! What every node has in a snapshot is settled and forgotten: its place in the order can change no more.
//! Only where two different entries were applied at one index (a split brain) all that was applied there is
//! kept for the end.

mod order;
mod records;

use crate::checkers::durability::order::{Fate, Order, Place};
use crate::checkers::durability::records::{Record, Records};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::history::{HistoryEvent, Phase};
use crate::kernel::ids::RequestId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many lost writes are told in the evidence.
const TOLD: usize = 5;

/// Judges that no acknowledged write is lost.
#[derive(Debug, Default)]
pub struct Durability {
    order: Order,
    records: Records,
}

impl Durability {
    fn history(&mut self, history: &HistoryEvent) {
        match history.phase {
            Phase::Invoke => self.records.asked(history),
            Phase::Ok => self.records.acknowledged(history, self.order.floor()),
            Phase::Fail | Phase::Info => self.records.ended(history.request),
        }
    }

    /// Every acknowledged write that is lost, and how.
    fn lost(&self) -> Vec<(Instant, RequestId, &Record, String)> {
        let mut lost = Vec::new();
        for (request, record) in self.records.all() {
            let Some(acknowledged) = record.acknowledged else { continue };
            if record.places.is_empty() {
                if !record.may_change_nothing() {
                    let what = "no node ever applied it".to_owned();
                    lost.push((acknowledged, request, record, what));
                }
                continue;
            }
            let fates: Vec<Fate> =
                record.places.iter().map(|place| self.order.fate(place)).collect();
            if let Some(Fate::Lost(what)) = fates.last()
                && fates.iter().all(|fate| matches!(fate, Fate::Lost(_)))
            {
                lost.push((acknowledged, request, record, what.clone()));
            }
        }
        lost.sort_by_key(|&(at, request, ..)| (at, request));
        lost
    }

    /// The last write that was forgotten as settled stands for all of them.
    fn settled_is_lost(&self, end: Instant) -> Option<Violation> {
        let (request, place) = self.records.settled_last()?;
        let last = self.order.last();
        (last < place.index).then(|| {
            let message = format!(
                "acknowledged writes are lost: the final log ends at {last}, but request {request} was \
                 applied at {}",
                place.index
            );
            Violation::new(end, message).because(applied(place))
        })
    }
}

impl Checker for Durability {
    fn name(&self) -> &'static str {
        "durability"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::HISTORY).and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        if let Fact::History(history) = &event.fact {
            self.history(history);
            return Ok(());
        }
        if let (&Fact::Claimed(Claim::Apply { index, digest, request }), Some(node)) =
            (&event.fact, event.node)
        {
            let place = Place { index, digest, node, at: event.at };
            self.order.applied(place, request);
            if let Some(request) = request {
                self.records.applied(request, place);
            }
        }
        let records = &mut self.records;
        self.order.observe(event, |request| records.settle(request));
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        if let Some(why) = self.records.nothing_to_judge() {
            return Judgement::Vacuous(why.into());
        }
        let lost = self.lost();
        let Some((acknowledged, request, record, what)) = lost.first() else {
            return self.settled_is_lost(end).map_or(Judgement::Ok, Judgement::Violation);
        };
        let message = format!(
            "{} acknowledged {} lost; the first is {} of {}, request {request}, acknowledged at \
             {acknowledged}: {what}",
            lost.len(),
            if lost.len() == 1 { "write is" } else { "writes are" },
            record.operation,
            record.client,
        );
        let mut violation = Violation::new(end, message);
        for (acknowledged, request, record, what) in lost.iter().take(TOLD) {
            for place in &record.places {
                violation = violation.because(applied(place));
            }
            violation = violation.because(format!(
                "{acknowledged} {} is told that {} is done (request {request}), but {what}",
                record.client, record.operation
            ));
        }
        Judgement::Violation(violation)
    }
}

fn applied(place: &Place) -> String {
    format!("{} {} applies {} ({:016x})", place.at, place.node, place.index, place.digest)
}

#[cfg(test)]
mod tests;
