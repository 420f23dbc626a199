//! Which shard of a sweep this process is: as the user says, or as a scheduler says in the environment.
//!
//! Each scheduler numbers the tasks of an array in its own way. Sources: the manual page `sbatch(1)` of Slurm, section
//! "Output environment variables"; GitLab's "Predefined CI/CD variables reference"; Kubernetes' "Indexed Job for Parallel
//! Processing with Static Work Assignment"; AWS Batch's "Array jobs".

use std::num::NonZeroU64;

use crate::cli::Failure;
use crate::explore::seeds::Shard;

/// What a user says about the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardChoice {
    /// This one.
    Fixed(Shard),
    /// The one that the environment says, of so many if the user says how many.
    Auto(Option<NonZeroU64>),
}

impl ShardChoice {
    /// Reads `I/N`, `auto` or `auto/N`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("auto") {
            None => Shard::parse(text).map(Self::Fixed),
            Some("") => Ok(Self::Auto(None)),
            Some(rest) => {
                let of = rest.strip_prefix('/').and_then(|of| of.parse().ok());
                of.map(|of| Self::Auto(Some(of))).ok_or_else(|| "expected auto or auto/N".into())
            }
        }
    }

    /// The shard of this process.
    ///
    /// # Errors
    /// If the environment is to say and does not.
    pub fn shard(self) -> Result<Shard, Failure> {
        match self {
            Self::Fixed(shard) => Ok(shard),
            Self::Auto(of) => {
                let variable = |name: &str| {
                    let value = std::env::var_os(name)?;
                    Some(value.to_string_lossy().into_owned())
                };
                automatic(of, &variable).map_err(Failure::Other)
            }
        }
    }
}

/// How a scheduler tells which task of an array this is.
struct Scheduler {
    /// The variable with the number of the task.
    index: &'static str,
    /// The variable with the number of the first task, or that number.
    first: First,
    /// The variable with the step from one number to the next, if it is not always 1.
    step: Option<&'static str>,
    /// The variable with the number of tasks, if there is one.
    count: Option<&'static str>,
}

enum First {
    Number(u64),
    Variable(&'static str),
}

/// In this order: Slurm, GitLab CI, Kubernetes, AWS Batch.
const SCHEDULERS: &[Scheduler] = &[
    Scheduler {
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Variable("SLURM_ARRAY_TASK_MIN"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: Some("SLURM_ARRAY_TASK_COUNT"),
    },
    Scheduler {
        index: "CI_NODE_INDEX",
        first: First::Number(1),
        step: None,
        count: Some("CI_NODE_TOTAL"),
    },
    Scheduler { index: "JOB_COMPLETION_INDEX", first: First::Number(0), step: None, count: None },
    Scheduler {
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: First::Number(0),
        step: None,
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
    },
];

/// The shard that the first scheduler says which is there.
fn automatic(
    of: Option<NonZeroU64>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Shard, String> {
    let there = SCHEDULERS.iter().find(|scheduler| variable(scheduler.index).is_some());
    let Some(scheduler) = there else {
        let names: Vec<&str> = SCHEDULERS.iter().map(|scheduler| scheduler.index).collect();
        let names = names.join(", ");
        return Err(format!("--shard auto finds none of {names}; write --shard I/N"));
    };
    let number = |name: &str| match variable(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("--shard auto: {name} is `{text}`, which is no number")),
        },
    };
    let index = number(scheduler.index)?.expect("it is there");
    let first = match scheduler.first {
        First::Number(first) => first,
        First::Variable(name) => number(name)?.unwrap_or(1),
    };
    let step = scheduler.step.map(number).transpose()?.flatten().unwrap_or(1).max(1);
    let count = scheduler.count.map(number).transpose()?.flatten().and_then(NonZeroU64::new);
    let name = scheduler.index;
    let of = match (of, count) {
        (Some(of), Some(count)) if of != count => {
            return Err(format!(
                "--shard auto/{of}, but {name} is one of {count}; write --shard auto"
            ));
        }
        (of, count) => of.or(count).ok_or_else(|| {
            format!("{name} says which shard it is but not of how many; write --shard auto/N")
        })?,
    };
    let place = index.checked_sub(first).map(|distance| distance / step + 1);
    place.and_then(|place| Shard::new(place, of)).ok_or_else(|| {
        format!("--shard auto: {name} is {index}, which is none of {of} in a row from {first} on")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(of: Option<u64>, variables: &[(&str, &str)]) -> Result<(u64, u64), String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        automatic(of.and_then(NonZeroU64::new), &variable).map(|shard| (shard.index, shard.of))
    }

    #[test]
    fn each_scheduler_counts_in_its_own_way() {
        let slurm = |id, min, step| {
            shard(
                None,
                &[
                    ("SLURM_ARRAY_TASK_ID", id),
                    ("SLURM_ARRAY_TASK_MIN", min),
                    ("SLURM_ARRAY_TASK_COUNT", "4"),
                    ("SLURM_ARRAY_TASK_STEP", step),
                ],
            )
        };
        assert_eq!(slurm("0", "0", "1"), Ok((1, 4)));
        assert_eq!(slurm("4", "1", "1"), Ok((4, 4)));
        assert_eq!(slurm("16", "10", "2"), Ok((4, 4)));
        assert!(slurm("7", "1", "1").is_err(), "an array with gaps");
        assert_eq!(shard(None, &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "5")]), Ok((2, 5)));
        assert_eq!(shard(Some(3), &[("JOB_COMPLETION_INDEX", "2")]), Ok((3, 3)));
        let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "3")];
        assert_eq!(shard(None, &batch), Ok((1, 3)));
        assert_eq!(shard(Some(3), &batch[..1]), Ok((1, 3)));
    }

    #[test]
    fn what_the_environment_does_not_say_is_asked_for() {
        assert!(shard(None, &[]).expect_err("nobody says").contains("write --shard I/N"));
        let kubernetes = [("JOB_COMPLETION_INDEX", "2")];
        assert!(shard(None, &kubernetes).expect_err("of how many?").contains("--shard auto/N"));
        assert!(shard(Some(2), &kubernetes).expect_err("too many").contains("is 2, which is none"));
        let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "5")];
        assert!(shard(Some(4), &gitlab).expect_err("they differ").contains("is one of 5"));
        assert!(shard(None, &[("CI_NODE_INDEX", "x")]).expect_err("no number").contains("`x`"));
    }

    #[test]
    fn a_shard_is_named_or_left_to_the_environment() {
        let fixed = Shard { index: 2, of: 4 };
        assert_eq!(ShardChoice::parse("2/4"), Ok(ShardChoice::Fixed(fixed)));
        assert_eq!(ShardChoice::parse("auto"), Ok(ShardChoice::Auto(None)));
        assert_eq!(ShardChoice::parse("auto/4"), Ok(ShardChoice::Auto(NonZeroU64::new(4))));
        for bad in ["auto/0", "auto/", "autos", "5/4", ""] {
            assert!(ShardChoice::parse(bad).is_err(), "{bad}");
        }
    }
}
