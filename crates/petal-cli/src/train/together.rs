//! A training by several ranks: the first says what is trained, and all see the same photos.

use petal::model::Model;
use petal::training::Verbose;
use petal::training::callbacks::TimeLimit;

use super::phases::Run;
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::photo_list::PhotoList;
use crate::ranks::Ranks;
use crate::settings::Settings;
use crate::terminal::say;
use crate::{Failure, INTERRUPTED, Outcome, SUCCESS};

/// Reads the photos, as the other ranks do now.
///
/// # Errors
/// If they cannot be read, or another rank sees others.
pub fn load(
    ranks: &Ranks,
    settings: &Settings,
    photos: &PhotoList,
    model: &Model,
    quiet: bool,
) -> Result<Data, Failure> {
    if ranks.size() == 1 {
        return Data::load(&settings.data, quiet);
    }
    let places = ranks.places()?;
    if !quiet {
        say!("{places}");
    }
    ranks.of_first(Some(settings.clone()))?;
    ranks.bytes_of_first(model.to_bytes()?)?;
    ranks.check_photos(photos)?;
    load_alike(ranks, settings, quiet)
}

/// Says to the other ranks how training begins.
///
/// # Errors
/// If a rank has ended.
pub fn begin(ranks: &Ranks, settings: &Settings, has_grown: bool) -> Result<(), Failure> {
    ranks.of_first(Some((settings.clone(), has_grown))).map(drop)
}

/// What a rank does that isn't the first: it trains, and leaves all else to that one.
///
/// # Errors
/// As for the first.
pub fn follow(ranks: &Ranks, interrupt: Interrupt) -> Outcome {
    ranks.places()?;
    let settings: Settings = ranks.of_first(None)?;
    let mut model = Model::from_bytes(&ranks.bytes_of_first(Vec::new())?)?;
    ranks.check_photos(&PhotoList::new(&settings.data)?)?;
    let data = load_alike(ranks, &settings, true)?;
    let (mut settings, has_grown): (Settings, bool) = ranks.of_first(None)?;
    interrupt.training_begins();
    // How long there is left, the first rank says.
    let time_limit = settings.time.map(TimeLimit::new);
    Run {
        settings: &mut settings,
        data: &data,
        folder: None,
        ranks,
        interrupt,
        verbose: Verbose::Silent,
        tensorboard: None,
        time_limit,
        has_grown,
    }
    .train(&mut model)?;
    Ok(if interrupt.came() { INTERRUPTED } else { SUCCESS })
}

/// Reads the photos that all ranks can read.
fn load_alike(ranks: &Ranks, settings: &Settings, quiet: bool) -> Result<Data, Failure> {
    let mut data = Data::load_beside(&settings.data, quiet, ranks.on_this_machine)?;
    ranks.leave_out_alike(&mut data)?;
    Ok(data)
}
