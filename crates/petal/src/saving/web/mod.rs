//! Models for the browser: a folder with a page that classifies photos where they are.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::onnx::{InputKind, Onnx};
use super::write_atomically;
use crate::model::Model;
use crate::{Error, Result};

/// The page's style, `page.css`.
pub const STYLE: &str = include_str!("page/page.css");
/// What the page does, `page.js`. A script before it says in `window.backend` who answers.
pub const SCRIPT: &str = include_str!("page/page.js");

/// The page, with these tags for the scripts that say who answers.
pub fn page(backend: &str) -> String {
    include_str!("page/index.html").replace("{backend}", backend)
}

/// Where the page's onnxruntime-web is from, which runs the model: three files of the npm package's folder `dist`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// The files are put into the page's folder `ort` later. The default.
    #[default]
    Later,
    /// Copied from this folder.
    Folder(PathBuf),
    /// From this address, whenever the page is opened.
    Address(String),
}

/// What the page needs of onnxruntime-web.
pub const RUNTIME_FILES: [&str; 3] =
    ["ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];

impl Model {
    /// Writes a folder for a static web server: a page that classifies photos, dropped, chosen or taken with the camera,
    /// in the browser. No photo leaves it. The classes are those that Petal finds, since the model resizes photos
    /// itself ([`InputKind::AnySize`]), but for what the browser's decoder does otherwise. `title` is the page's heading.
    ///
    /// ```
    /// use petal::applications::lecture_cnn;
    /// use petal::saving::web::Runtime;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path().join("site");
    /// let mut model = lecture_cnn([32, 32, 3], 2, 0)?;
    /// model.set_class_names(["daisy", "roses"])?;
    /// model.export_web(&folder, "Flowers", &Runtime::Later)?;
    /// assert!(folder.join("index.html").exists() && folder.join("model.onnx").exists());
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the model takes no images or gives no named classes, cannot be exported to ONNX so that it takes photos of any
    /// size, or a file cannot be read or written.
    pub fn export_web(&self, folder: impl AsRef<Path>, title: &str, runtime: &Runtime) -> Result<()> {
        let folder = folder.as_ref();
        let lacks = |what: &str| Err(Error::Model(format!("model '{}' makes no page: {what}", self.name())));
        let Ok([.., channels]) = self.input_shape().image() else { return lacks("it takes no images") };
        if self.class_names().is_empty() {
            return lacks("its classes have no names; set them with Model::set_class_names");
        }
        if let Runtime::Folder(from) = runtime
            && let Some(missing) = RUNTIME_FILES.into_iter().find(|file| !from.join(file).is_file())
        {
            let problem =
                format!("has no {missing}; expected the folder dist of the npm package onnxruntime-web");
            return Err(Error::file(from, problem));
        }
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        self.export(folder.join("model.onnx"), &Onnx::new().input(InputKind::AnySize))?;
        let card = json!({
            "name": title,
            "classes": self.class_names(),
            "channels": channels,
            "exif_orientation": self.preprocessing().is_some_and(|preprocessing| preprocessing.exif_orientation),
        });
        let from = match runtime {
            Runtime::Address(address) => address.trim_end_matches('/'),
            _ => "ort",
        };
        for (name, text) in [
            ("index.html", page(&tags(from))),
            ("page.css", STYLE.into()),
            ("page.js", SCRIPT.into()),
            ("model.js", include_str!("page/model.js").into()),
            ("model.json", card.to_string()),
            ("README.txt", include_str!("page/README.txt").into()),
        ] {
            write_atomically(folder.join(name), |file| file.write_all(text.as_bytes()))?;
        }
        if let Runtime::Folder(from) = runtime {
            let ort = folder.join("ort");
            fs::create_dir_all(&ort).map_err(Error::io("create", &ort))?;
            for name in RUNTIME_FILES {
                let bytes = fs::read(from.join(name)).map_err(Error::io("read", &from.join(name)))?;
                write_atomically(ort.join(name), |file| file.write_all(&bytes))?;
            }
        }
        Ok(())
    }
}

/// The scripts that answer, and what the page may load.
fn tags(runtime: &str) -> String {
    let quoted = runtime.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    // Of an address, the part that a policy names.
    let origin = match runtime.split_once("://") {
        Some((scheme, rest)) => format!(" {scheme}://{}", rest.split('/').next().unwrap_or_default()),
        None => String::new(),
    };
    let origin = origin.replace(['"', ';', ','], "");
    format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self' \
         'wasm-unsafe-eval' blob:{origin}; worker-src 'self' blob:; style-src 'self'; connect-src 'self'{origin}; \
         img-src 'self' blob: data:; base-uri 'none'; form-action 'none'\">\n\
         <script id=\"runtime\" src=\"{quoted}/{}\" defer></script>\n<script src=\"model.js\" defer></script>",
        RUNTIME_FILES[0]
    )
}
