//! The parts of a scenario that furnish each node's machine: disk, clock, processor.

use serde_json::{Value, json};
use std::time::Duration;

use crate::kernel::time::nanos;
use crate::scenario::distribution::{distribution, distribution_value, drawn};
use crate::scenario::error::Decoded;
use crate::scenario::json::Json;
use crate::scenario::shape::{Field, Kind, Shape};
use crate::scenario::values::{
    duration, duration_text, flag, integer, probability, probability_value, signed_duration,
    signed_duration_text, size, size_value,
};
use crate::scenario::write::ObjectWriter;
use crate::world::options::{ClockOptions, CpuOptions, DiskOptions};

/// The fastest drift in parts per million: a clock that runs at one and a half times the true speed.
pub const DRIFT_MAX: i64 = 500_000;

/// The disks.
pub const DISK: Shape = Shape::new(
    "the disk",
    "How long disk operations take, and what a power failure does. Default: no time at all.",
    &[
        Field::optional("access", Kind::Distribution, "how long a read or a write takes"),
        Field::optional("sync", Kind::Distribution, "how long a sync takes"),
        Field::optional("per-kib", Kind::Duration, "time for each KiB moved, besides"),
        Field::optional("capacity", Kind::Size, "bytes on the disk; no limit if left out"),
        Field::optional(
            "survival",
            Kind::Probability,
            "the chance of an unsynced sector to survive a power failure; default 0.5",
        ),
        Field::optional(
            "tearing",
            Kind::Probability,
            "the chance that a power failure tears a sector that is being written; default 0.5",
        ),
    ],
);

/// The clocks.
pub const CLOCK: Shape = Shape::new(
    "the clock",
    "How wrong the nodes' clocks are. Each node draws its own values. Default: exact.",
    &[
        Field::optional("offset", Kind::OffsetRange, "how far a wall clock is off at the start"),
        Field::optional("drift-ppm", Kind::PpmRange, "how fast a clock runs"),
        Field::optional(
            "bound",
            Kind::Duration,
            "the error bound that a clock states; an honest one if left out",
        ),
        Field::optional(
            "reset-on-boot",
            Kind::Flag,
            "whether a wall clock draws a new offset at each boot; default false",
        ),
    ],
);

/// The processors.
pub const CPU: Shape = Shape::new(
    "the processor",
    "How long a node computes. Default: no time at all.",
    &[Field::optional("handler", Kind::Duration, "how long each handler keeps its node busy")],
);

/// Reads the disks.
pub fn read_disk(json: &Json) -> Decoded<DiskOptions> {
    DISK.read(json, |object| {
        let default = DiskOptions::default();
        Ok(DiskOptions {
            access: object.read_or("access", default.access, distribution)?,
            sync: object.read_or("sync", default.sync, distribution)?,
            nanos_per_kib: nanos(object.read_or("per-kib", Duration::ZERO, duration)?),
            capacity: object.read("capacity", size)?,
            survival: object.read_or("survival", default.survival, probability)?,
            tearing: object.read_or("tearing", default.tearing, probability)?,
        })
    })
}

/// Reads the clocks.
pub fn read_clock(json: &Json) -> Decoded<ClockOptions> {
    CLOCK.read(json, |object| {
        Ok(ClockOptions {
            offset: object.read_or("offset", (0, 0), drawn(signed_duration))?,
            drift_ppm: object.read_or(
                "drift-ppm",
                (0, 0),
                drawn(integer(-DRIFT_MAX..=DRIFT_MAX)),
            )?,
            bound: object.read("bound", duration)?,
            reset_on_boot: object.read_or("reset-on-boot", false, flag)?,
        })
    })
}

/// Reads the processors.
pub fn read_cpu(json: &Json) -> Decoded<CpuOptions> {
    CPU.read(json, |object| {
        Ok(CpuOptions { handler: object.read_or("handler", Duration::ZERO, duration)? })
    })
}

/// Writes the disks.
pub fn disk_value(disk: &DiskOptions) -> Value {
    let mut object = ObjectWriter::default();
    object.put("access", distribution_value(&disk.access));
    object.put("sync", distribution_value(&disk.sync));
    object.put("per-kib", json!(duration_text(Duration::from_nanos(disk.nanos_per_kib))));
    object.maybe("capacity", disk.capacity.map(size_value));
    object.put("survival", probability_value(disk.survival));
    object.put("tearing", probability_value(disk.tearing));
    object.finish()
}

/// Writes the clocks.
pub fn clock_value(clock: &ClockOptions) -> Value {
    let (low, high) = clock.offset;
    let mut object = ObjectWriter::default();
    object.put(
        "offset",
        json!({ "uniform": [signed_duration_text(low), signed_duration_text(high)] }),
    );
    object.put("drift-ppm", json!({ "uniform": [clock.drift_ppm.0, clock.drift_ppm.1] }));
    object.maybe("bound", clock.bound.map(|bound| json!(duration_text(bound))));
    object.put("reset-on-boot", json!(clock.reset_on_boot));
    object.finish()
}

/// Writes the processors.
pub fn cpu_value(cpu: &CpuOptions) -> Value {
    json!({ "handler": duration_text(cpu.handler) })
}
