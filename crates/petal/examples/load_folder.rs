//! Decodes and resizes every photo of a folder and says how many a second:
//! `cargo run --release -p petal --example load_folder -- DIR [SIZE [average]]`, with
//! `average` as `petal train` reads large ones

use std::time::Instant;

use petal::data::{Dataset, ImageFolder};

fn main() -> petal::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "flower_photos".into());
    let size = arguments.next().and_then(|size| size.parse().ok()).unwrap_or(180);
    let average = arguments.next().is_some_and(|word| word == "average");

    let start = Instant::now();
    let photos = ImageFolder::new(directory).image_size(size, size).average_large(average).load()?;
    let seconds = start.elapsed().as_secs_f64();
    let count = photos.len() + photos.skipped().len();
    println!("{count} photos in {seconds:.2} s: {:.0} photos/s", count as f64 / seconds);
    println!("{} kept in memory; photos by class: {:?}", photos.cached(), photos.class_counts());
    photos.skipped().iter().for_each(|skipped| println!("left out: {skipped}"));
    Ok(())
}
