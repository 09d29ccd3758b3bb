//! Draws the curves of saved histories into one figure.
//!
//! ```sh
//! cargo run --release -p petal --example plot_histories -- curves.png NAME=history.json…
//! ```

use petal::plot::curves;
use petal::training::History;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let output = arguments.next().ok_or("usage: plot_histories OUTPUT NAME=HISTORY…")?;
    let mut runs = Vec::new();
    for argument in arguments {
        let (name, path) = argument.split_once('=').ok_or("expected NAME=HISTORY")?;
        runs.push(History::read(path)?.run(name));
    }
    curves(&runs).save(output)?;
    Ok(())
}
