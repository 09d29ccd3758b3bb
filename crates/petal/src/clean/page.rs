//! The page on which photos are ticked.

use std::fmt::Write;
use std::path::Path;

use super::{Doubtful, Finding, Findings};
use crate::Result;
use crate::data::Photo;
use crate::plot::{escape, picture};
use crate::report::document;

/// Photos of one kind that are shown; a page of more is slow.
const SHOWN: usize = 200;
/// The longer side of a photo on the page, in pixels.
const SIDE: u32 = 240;

pub(super) fn html(found: &Findings) -> Result<String> {
    let title = format!("What to look at in {}", escape(&found.folder.display().to_string()));
    let mut body = String::new();
    for kind in Doubtful::ALL {
        let of_kind: Vec<&Finding> = found.findings.iter().filter(|finding| finding.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        push(
            &mut body,
            format_args!(
                "<section><h2>{} <small>{}</small></h2><p>{}</p>",
                heading(kind),
                of_kind.len(),
                about(kind)
            ),
        );
        if of_kind.len() > SHOWN {
            push(&mut body, format_args!("<p>Shown are the {SHOWN} most certain.</p>"));
        }
        body.push_str("<div class=\"cards\">");
        for finding in of_kind.into_iter().take(SHOWN) {
            body.push_str(&card(found, finding)?);
        }
        body.push_str("</div></section>\n");
    }
    if !found.confused.is_empty() {
        body.push_str("<section><h2>Classes that are hard to tell apart</h2><div class=\"scroll\"><table>");
        body.push_str("<tr><th>Classes</th><th class=\"number\">Taken for each other</th></tr>");
        for pair in &found.confused {
            let [a, b] = &pair.classes;
            push(
                &mut body,
                format_args!(
                    "<tr><td>{}, {}</td><td class=\"number\">{} of {} photos ({:.0}\u{a0}%)</td></tr>",
                    escape(a),
                    escape(b),
                    pair.confused,
                    pair.photos,
                    100.0 * pair.confused as f64 / pair.photos.max(1) as f64
                ),
            );
        }
        body.push_str("</table></div></section>\n");
    }
    if !found.broken.is_empty() {
        body.push_str("<section><h2>Files that cannot be read</h2><ul class=\"doubts\">");
        for file in found.broken.iter().take(SHOWN) {
            push(&mut body, format_args!("<li>{}</li>", escape(&file.to_string())));
        }
        body.push_str("</ul></section>\n");
    }
    if body.is_empty() {
        body.push_str("<section><p>Nothing was found.</p></section>");
    }
    let missing = if found.features.is_none() {
        "<p>Labels, outliers and classes were not judged: that needs the weights of MobileNetV2.</p>"
    } else {
        ""
    };
    let header = format!(
        "<header><h1>{title}</h1><p>{} photos of {} classes, {} to look at. Tick what is to be set aside, save the list, \
         and run petal clean with --apply. No photo is touched before.</p>{missing}</header>\n",
        found.files.len(),
        found.class_names.len(),
        found.findings.len(),
    );
    let footer =
        "<footer><span id=\"count\">0 ticked</span><button id=\"save\">Save the list</button></footer>\n";
    let script = include_str!("page.js");
    Ok(document(
        &title,
        "; script-src 'unsafe-inline'",
        include_str!("page.css"),
        &format!("<main>\n{header}{body}</main>\n{footer}<script>{script}</script>\n"),
    ))
}

/// What is said below the heading.
fn about(kind: Doubtful) -> &'static str {
    match kind {
        Doubtful::Copy => "Every pixel is that of another photo, which is shown beside and stays.",
        Doubtful::NearCopy => {
            "One picture at another size or quality, or the next shot of one scene; the larger one stays."
        }
        Doubtful::Label => {
            "Models that had not seen these photos take them for another class, the most certain first."
        }
        Doubtful::Outlier => "Perhaps they show something else; perhaps they are only rare.",
        Doubtful::Tiny => "Far fewer pixels than the others have.",
        Doubtful::Shape => "Stretched to a square, they look unlike themselves.",
        Doubtful::Dark => "Almost black.",
        Doubtful::Bright => "Almost white.",
        Doubtful::Blurred => "Nothing in them is sharp, or there is little in them.",
    }
}

/// A name as it begins a line.
fn heading(kind: Doubtful) -> String {
    let (first, rest) = kind.name().split_at(1);
    first.to_ascii_uppercase() + rest
}

fn card(found: &Findings, finding: &Finding) -> Result<String> {
    let file = finding.file.display().to_string();
    // A list in JSON cannot hold a name that is no text.
    let (value, tick) = match finding.file.to_str() {
        Some(name) => (escape(name), ""),
        None => (String::new(), " disabled"),
    };
    let copies = finding.copy_of.as_deref().map(|other| thumbnail(found, other)).transpose()?;
    let suggestion = match &finding.suggestion {
        Some(class) => format!("<span class=\"move\">{} → {}</span>", escape(&finding.class), escape(class)),
        None => format!("<span class=\"move\">{}</span>", escape(&finding.class)),
    };
    Ok(format!(
        "<label class=\"card\"><span class=\"pictures\">{}{}</span><span class=\"line\"><input type=\"checkbox\" \
         value=\"{value}\"{tick}>{suggestion}</span><span class=\"reason\">{}</span><span class=\"file\">{}</span></label>\n",
        thumbnail(found, &finding.file)?,
        copies.unwrap_or_default(),
        escape(&finding.reason),
        escape(&file),
    ))
}

fn thumbnail(found: &Findings, file: &Path) -> Result<String> {
    let photo = Photo::open(found.folder.join(file))?;
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let address = picture(photo.image().as_raw(), width, height, SIDE)?;
    Ok(format!("<img alt=\"{}\" src=\"{address}\">", escape(&file.display().to_string())))
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a string takes all");
}
