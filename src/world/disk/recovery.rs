//! Crashes, losses of power and pauses: what has happened of the current handler, and what is left of it.

use std::time::Duration;

use crate::kernel::random::Stream;
use crate::kernel::time::Instant;
use crate::world::disk::background::Background;
use crate::world::disk::file::{Edit, Fate, min_of};
use crate::world::disk::journal::{Cut, Undo};
use crate::world::disk::sectors::Sector;
use crate::world::disk::tree::InodeId;
use crate::world::disk::{PowerLoss, SimulatedDisk};

impl SimulatedDisk {
    /// The node was paused: what it asks for after the cut happens later by `by`. What was asked for before
    /// goes on.
    pub fn postpone(&mut self, cut: impl Into<Cut>, by: Duration) {
        let cut = cut.into();
        let asked_later =
            |background: &Background| !cut.comes_after(background.called, background.call);
        let mut completed = self.journal.completed.iter_mut();
        for record in &mut self.journal.records {
            let is_later = match record.undo {
                Undo::Completed => {
                    let (background, _) = completed.next().expect("a record for each completion");
                    asked_later(background)
                }
                _ => !record.has_begun(cut),
            };
            if is_later {
                record.began = record.began + by;
                record.ended = record.ended + by;
                self.free_at = self.free_at.max(record.ended);
            }
        }
        let done = self.journal.completed.iter_mut().map(|(background, _)| background);
        for background in done.chain(&mut self.backgrounds).filter(|b| asked_later(b)) {
            background.called = background.called + by;
            background.began = background.began + by;
            background.ended = background.ended + by;
            self.free_at = self.free_at.max(background.ended);
        }
    }

    /// The process dies. What it had not begun never happens; of a write under way a random prefix is
    /// done; a sync under way has synced nothing; a change of a name or a length that was begun is done. The
    /// cache survives, background syncs go on, and all files are closed.
    pub fn crash(&mut self, cut: impl Into<Cut>) {
        let cut = cut.into();
        self.rewind(cut);
        self.finished.clear();
        self.close_all();
        self.free_at = self.backgrounds.back().map_or(cut.at, |background| background.ended);
        self.settle();
    }

    /// Power fails. What had not begun never happens, as in a [`crash`](Self::crash), and then the
    /// cache is lost: each dirty sector and each pending change of a name survives or not, by a draw of its
    /// own, and at most one sector is torn: one of those being written, or any dirty one if none is.
    pub fn power_failure(&mut self, cut: impl Into<Cut>) -> PowerLoss {
        let cut = cut.into();
        let (at, syncing) = (cut.at, self.rewind(cut));
        let torn = self.choose_torn(at, syncing);
        let Self { tree, power, backgrounds, options, .. } = self;
        let mut loss = PowerLoss::default();
        for (file, content) in tree.files_mut() {
            let captured = backgrounds.iter().filter(|background| background.file == file);
            let captured = captured.filter_map(|background| background.capture.shrunk_to).min();
            let shrunk_to = min_of(content.unsynced().shrunk_to, captured);
            let shrunk_to = shrunk_to.filter(|_| power.chance(options.survival));
            loss.add(content.lose_cache(shrunk_to, |sector| match torn {
                Some(torn) if (torn.file, torn.sector) == (file, sector) => Fate::Torn(torn.kept),
                _ if power.chance(options.survival) => Fate::Survived,
                _ => Fate::Lost,
            }));
        }
        tree.lose_cache(|| power.chance(options.survival));
        self.statistics.lost_sectors += loss.lost_sectors;
        self.statistics.torn_sectors += loss.torn_sectors;
        self.backgrounds.clear();
        self.finished.clear();
        self.close_all();
        self.free_at = at;
        self.settle();
        loss
    }

    /// Undoes what had not happened before the cut; returns the file of the sync that was under way, if one was.
    fn rewind(&mut self, cut: Cut) -> Option<InodeId> {
        let records = &self.journal.records;
        let standing = records.iter().position(|record| !record.stands(cut));
        let standing = standing.unwrap_or(records.len());
        let mut syncing = None;
        while self.journal.records.len() > standing {
            let record = self.journal.records.pop().expect("more records than stand");
            let under_way = record.has_begun(cut);
            match record.undo {
                Undo::Edit(file, edit) if under_way && edit.written > 0 => {
                    self.undo_part(file, edit);
                }
                Undo::Edit(file, edit) => self.undo_edit(file, edit),
                Undo::Sync(file, old) => {
                    self.statistics.syncs -= 1;
                    self.spares.keep(self.tree.file_mut(file).undo_sync(old));
                    syncing = under_way.then_some(file);
                }
                Undo::StartSync => self.undo_start_sync(),
                Undo::Completed => self.undo_completion(),
                Undo::Name => self.tree.undo(),
                Undo::SyncDirectory(sync) => {
                    self.statistics.syncs -= 1;
                    if let Some(sync) = sync {
                        self.tree.undo_sync(sync);
                    }
                }
            }
        }
        // Completions that were undone only because an earlier record had to be.
        self.complete_until(cut.at);
        self.journal.called = self.journal.called.min(cut.carried_out);
        syncing
    }

    fn undo_edit(&mut self, file: InodeId, edit: Edit) {
        self.statistics.writes -= u64::from(edit.written > 0);
        self.statistics.bytes -= edit.written as u64;
        self.tree.file_mut(file).undo(edit, &mut self.journal.saved);
    }

    /// A write under way: a random prefix of it is done.
    fn undo_part(&mut self, file: InodeId, edit: Edit) {
        let (offset, written) = (edit.offset, edit.written);
        let prefix = self.power.below(written as u64) as usize;
        let done = self.tree.file(file).bytes()[offset..offset + prefix].to_vec();
        self.undo_edit(file, edit);
        if !done.is_empty() {
            self.tree.file_mut(file).write(offset, &done, &mut self.journal.saved);
            self.statistics.writes += 1;
            self.statistics.bytes += prefix as u64;
        }
    }

    fn undo_start_sync(&mut self) {
        let background = self.backgrounds.pop_back().expect("a started sync is in the queue");
        self.statistics.syncs -= 1;
        self.tree.file_mut(background.file).set_cut(background.capture.shrunk_to);
        self.spares.keep_capture(background.capture);
    }

    fn undo_completion(&mut self) {
        let (background, old) = self.journal.completed.pop().expect("a record for each completion");
        self.spares.keep(self.tree.file_mut(background.file).undo_sync(old));
        self.finished.retain(|&(ticket, _)| ticket != background.ticket);
        self.backgrounds.push_front(background);
    }

    fn choose_torn(&mut self, at: Instant, syncing: Option<InodeId>) -> Option<Torn> {
        if !self.power.chance(self.options.tearing) {
            return None;
        }
        let mut candidates = self.being_written(at, syncing);
        if candidates.is_empty() {
            for (file, content) in self.tree.files_mut() {
                candidates.extend(content.dirty().map(|sector| (file, sector)));
            }
        }
        let &(file, sector) = self.power.pick(&candidates)?;
        let len = sector.of_bytes(self.tree.file(file).bytes()).len();
        Some(Torn { file, sector, kept: below(&mut self.power, len) })
    }

    /// The dirty sectors of the sync that is under way at `at`, in line or in the background.
    fn being_written(&self, at: Instant, syncing: Option<InodeId>) -> Vec<(InodeId, Sector)> {
        if let Some(file) = syncing {
            return self.tree.file(file).dirty().map(|sector| (file, sector)).collect();
        }
        let Some(first) = self.backgrounds.front().filter(|first| first.began <= at) else {
            return Vec::new();
        };
        let written = |sector: &Sector| first.capture.sectors.find(*sector).is_some();
        let dirty = self.tree.file(first.file).dirty();
        dirty.filter(written).map(|sector| (first.file, sector)).collect()
    }
}

/// The sector that a power failure tears, and how many bytes of it are new.
#[derive(Clone, Copy)]
struct Torn {
    file: InodeId,
    sector: Sector,
    kept: usize,
}

fn below(stream: &mut Stream, bound: usize) -> usize {
    assert!(bound > 0, "a dirty sector has content");
    stream.below(bound as u64) as usize
}
