//! What a simulation is made of, as plain data.

use std::time::Duration;

use crate::client::Sessions;
use crate::client::workload::Workload;
use crate::world::assumptions::Assumptions;
use crate::world::cluster::Cluster;
use crate::world::fault::ScheduledFault;
use crate::world::nemesis::Tail;
use crate::world::network::places::ClientPlace;
use crate::world::options::{ClockOptions, CpuOptions, DiskOptions, NetworkOptions};

/// Everything about a run but the nodes' code and the checkers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationOptions {
    /// The seed of everything random.
    pub seed: u64,
    /// Who is there.
    pub cluster: Cluster,
    /// The network.
    pub network: NetworkOptions,
    /// The disks.
    pub disk: DiskOptions,
    /// The clocks.
    pub clock: ClockOptions,
    /// The processors.
    pub cpu: CpuOptions,
    /// What clients do.
    pub workload: Workload,
    /// Whether clients open sessions.
    pub sessions: Sessions,
    /// What goes wrong, and when.
    pub faults: Vec<ScheduledFault>,
    /// What faults that yield must not break; `None`: they may break anything.
    pub budget: Option<Assumptions>,
    /// How long faults may happen. Then everything is healed.
    pub duration: Duration,
    /// Whom the quiet tail heals.
    pub tail: Tail,
    /// How long the healed system is watched.
    pub quiet: Duration,
    /// How long the final reads may take.
    pub audit_max: Duration,
    /// How many events the run may take; `None`: no limit. A run that reaches it is *unknown*.
    pub events_max: Option<u64>,
    /// The checker at whose first objection the run ends, without asking the others; `None`: it goes on to its end.
    pub stop_at: Option<String>,
    /// What to keep.
    pub keep: Keep,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            cluster: Cluster::of_size(3),
            network: NetworkOptions::default(),
            disk: DiskOptions::default(),
            clock: ClockOptions::default(),
            cpu: CpuOptions::default(),
            workload: Workload::default(),
            sessions: Sessions::None,
            faults: Vec::new(),
            budget: None,
            tail: Tail::All,
            duration: Duration::from_secs(10),
            quiet: Duration::from_secs(5),
            audit_max: Duration::from_secs(10),
            events_max: None,
            stop_at: None,
            keep: Keep::Digest,
        }
    }
}

/// How much of a run is kept. Memory grows with the run for all but the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// The digest and the counts.
    #[default]
    Digest,
    /// The history too.
    History,
    /// Every event.
    Trace,
}

impl SimulationOptions {
    /// Where the clients are, the administrator last.
    pub(super) fn client_places(&self) -> Vec<ClientPlace> {
        let mut places: Vec<ClientPlace> = Vec::new();
        for group in &self.workload.clients {
            for _ in 0..group.count {
                places.push(ClientPlace { region: group.near, stream_name: places.len() as u64 });
            }
        }
        places.push(ClientPlace { region: None, stream_name: places.len() as u64 });
        places
    }
}
