//! Pictures of data and training, as SVG and PNG.
//!
//! Each function takes plain data and gives a [`Figure`]. The PNG is rendered from the very SVG, with a font that is
//! part of the program, so a figure looks the same on every machine. No PNG is larger than 3,000 pixels a side, however many
//! classes, epochs or photos there are.

mod colour_map;
mod confusion_matrix;
mod curves;
mod data_uri;
mod feature_map;
mod figure;
mod grid;
mod heat_map;
mod panel;
mod photos;
mod rankings;
mod reliability;
mod shade;
mod svg;
mod two_panels;

pub use confusion_matrix::{Confusion, confusion_matrix};
pub use curves::{Run, curves};
pub use feature_map::feature_map;
pub use figure::Figure;
pub use grid::{GridImage, grid};
pub use heat_map::{heat_map, heat_map_grid};
pub use photos::{augmentation_grid, photo_grid};
pub use rankings::ranking_curves;
pub use reliability::reliability;

#[cfg(feature = "report")]
pub(crate) use {
    curves::narrow_curves,
    data_uri::{base64, picture},
    figure::write_whole,
    rankings::{DRAWN, narrow_ranking_curves},
    reliability::narrow_reliability,
    svg::escape,
};
