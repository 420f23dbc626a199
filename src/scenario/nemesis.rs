//! The nemesis of a scenario: the generators of random faults, or the word that has the seed draw them too; what they may
//! break, and whom the quiet tail heals.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scenario::distribution::{distribution, distribution_value};
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::fault::{Lasts, Timing, form, put_fault};
use crate::scenario::json::{Content, Json};
use crate::scenario::trigger;
use crate::scenario::values::{list_of, one_of};
use crate::scenario::write::{ObjectWriter, one_line};
use crate::world::assumptions::Budget;
use crate::world::cluster::Cluster;
use crate::world::nemesis::{Generator, Nemesis, Tail};

/// Reads the nemesis.
pub(super) fn read(cluster: &Cluster) -> impl Fn(&Json) -> Decoded<Nemesis> {
    move |json| match &json.content {
        Content::Text(text) if text == "swarm" => Ok(Nemesis::Swarm),
        Content::List(_) => {
            list_of(|json| read_generator(json, cluster))(json).map(Nemesis::Generators)
        }
        _ => Err(Problem::expected(json, "a list of generators of faults, or \"swarm\"")),
    }
}

fn read_generator(json: &Json, cluster: &Cluster) -> Decoded<Generator> {
    let form = form(json)?;
    form.shape(Timing::Generated).read(json, |object| {
        let every = object.need("every", |json| {
            let every = distribution(json)?;
            if every.upper() > Duration::ZERO {
                return Ok(every);
            }
            Err(Problem::at(json, "a fault every 0s would never let time pass"))
        })?;
        let lasts = match form.lasts {
            Lasts::Spanning => object.read("for", distribution)?,
            Lasts::Momentary => None,
        };
        let upon = object.read("upon", trigger::read)?;
        let fault = trigger::checked(json, (form.read)(object, cluster)?, upon)?;
        Ok(Generator { every, lasts, fault, upon })
    })
}

/// Writes the nemesis.
pub(super) fn value(nemesis: &Nemesis, cluster: &Cluster) -> Value {
    let Nemesis::Generators(generators) = nemesis else { return json!("swarm") };
    generators.iter().map(|generator| generator_value(generator, cluster)).collect()
}

/// A generator as it stands in a scenario, in one line.
#[must_use]
pub fn line(generator: &Generator, cluster: &Cluster) -> String {
    one_line(&generator_value(generator, cluster))
}

fn generator_value(generator: &Generator, cluster: &Cluster) -> Value {
    let mut object = ObjectWriter::default();
    put_fault(&mut object, &generator.fault, cluster);
    object.put("every", distribution_value(&generator.every));
    object.maybe("for", generator.lasts.as_ref().map(distribution_value));
    object.maybe("upon", generator.upon.map(trigger::value));
    object.finish()
}

const BUDGETS: [(&str, Budget); 2] =
    [("assumptions", Budget::Assumptions), ("unlimited", Budget::Unlimited)];
const TAILS: [(&str, Tail); 2] = [("all", Tail::All), ("core", Tail::Core)];

/// The names of budgets.
pub(super) fn budgets() -> Vec<&'static str> {
    BUDGETS.iter().map(|(name, _)| *name).collect()
}

/// The names of tails.
pub(super) fn tails() -> Vec<&'static str> {
    TAILS.iter().map(|(name, _)| *name).collect()
}

/// Reads what random faults may break.
pub(super) fn read_budget(json: &Json) -> Decoded<Budget> {
    let name = one_of("budget", budgets())(json)?;
    Ok(BUDGETS.iter().find(|(known, _)| *known == name).expect("the name is one of them").1)
}

/// Reads whom the quiet tail heals.
pub(super) fn read_tail(json: &Json) -> Decoded<Tail> {
    let name = one_of("tail", tails())(json)?;
    Ok(TAILS.iter().find(|(known, _)| *known == name).expect("the name is one of them").1)
}

/// Writes what random faults may break.
pub(super) fn budget_value(budget: Budget) -> Value {
    let known = BUDGETS.iter().find(|(_, known)| *known == budget);
    json!(known.expect("every budget has a name").0)
}

/// Writes whom the quiet tail heals.
pub(super) fn tail_value(tail: Tail) -> Value {
    let known = TAILS.iter().find(|(_, known)| *known == tail);
    json!(known.expect("every tail has a name").0)
}
