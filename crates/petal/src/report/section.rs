use std::cmp::Ordering;
use std::fmt::Write;
use std::path::Path;

use super::classification::ClassScores;
use super::difference::Difference;
use super::numbers::percent;
use super::{ClassCount, ClassificationReport, DataSummary, Mistake, TestResults};
use crate::Result;
use crate::calibration::{Rankings, Reliability};
use crate::model::thousands;
use crate::plot::{
    DRAWN, Figure, Run, curves, escape, narrow_curves, narrow_ranking_curves, narrow_reliability, picture,
    ranking_curves, reliability,
};

/// A part of a page, with its heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub(super) title: String,
    /// Markup in which every element is closed.
    pub(super) body: String,
}

impl Section {
    /// A figure with a line of text below, which may be empty. Where the page is narrow it scrolls by itself, so that
    /// what is written in it can be read.
    pub fn figure(title: impl Into<String>, caption: &str, figure: &Figure) -> Section {
        Section { title: title.into(), body: captioned(&figure.inline("any"), caption) }
    }

    /// The curves of runs, drawn for wide and for narrow pages.
    pub fn curves(title: impl Into<String>, caption: &str, runs: &[Run]) -> Section {
        let both = curves(runs).inline("wide") + &narrow_curves(runs).inline("narrow");
        Section { title: title.into(), body: captioned(&both, caption) }
    }

    /// How far the probabilities of answers are right.
    pub fn reliability(title: impl Into<String>, found: &Reliability) -> Section {
        let both = reliability(found).inline("wide") + &narrow_reliability(found).inline("narrow");
        let caption = format!(
            "Where probabilities are right, bars end at the dashed line; a bar's own line is the 95\u{a0}% interval of its share. \
             Calibration error {}: how far bars and line are apart, in the mean over the answers. Log loss {:.3}, Brier \
             score {:.3}.",
            percent(found.expected_error()),
            found.log_loss,
            found.brier
        );
        Section { title: title.into(), body: captioned(&both, &caption) }
    }

    /// Each class against all others: ROC, precision and recall.
    pub fn rankings(title: impl Into<String>, rankings: &Rankings, class_names: &[String]) -> Section {
        let both = ranking_curves(rankings, class_names).inline("wide")
            + &narrow_ranking_curves(rankings, class_names).inline("narrow");
        let (auroc, precision) = (rankings.mean_auroc(), rankings.mean_average_precision());
        let mean = |mean: Option<f64>| mean.map_or("–".into(), |mean| format!("{mean:.3}"));
        let ranked = rankings.classes.iter().flatten().count();
        let which = match ranked > DRAWN {
            true => {
                format!(" Of {} classes, the {DRAWN} with the lowest AUROC are drawn.", thousands(ranked))
            }
            false => String::new(),
        };
        let caption = format!(
            "What one gets that takes photos for a class from some probability on. AUROC, the area below the left curve, is how \
             often a photo of the class has a higher probability of it than one of another class; AP is the average \
             precision. Their means over the classes are {} and {}.{which}",
            mean(auroc),
            mean(precision)
        );
        Section { title: title.into(), body: captioned(&both, &caption) }
    }

    /// Which class is taken for which.
    pub fn confusion(title: impl Into<String>, scores: &ClassificationReport) -> Section {
        Section::figure(
            title,
            "Each row is a true class; the shade is the share of its photos.",
            &scores.figure(),
        )
    }

    /// The results on the test set.
    pub fn test(title: impl Into<String>, test: &TestResults) -> Section {
        let about = "No weight, epoch or setting was chosen by these photos, so this is how good the model is on new ones \
                     like them.";
        let rows = [
            ("Test accuracy", percent(test.scores.accuracy)),
            ("Loss", format!("{:.4}", test.loss)),
            ("Photos", thousands(test.photos())),
        ];
        Section::text(title, &[about])
            .and(Section::pairs("", &rows.map(|(name, value)| (name.to_owned(), value))))
            .and(Section::confusion("", &test.scores))
            .and(Section::scores("", &test.scores))
    }

    /// Paragraphs.
    pub fn text(title: impl Into<String>, paragraphs: &[&str]) -> Section {
        let body = paragraphs.iter().map(|text| format!("<p>{}</p>", escape(text))).collect();
        Section { title: title.into(), body }
    }

    /// A table: a column of names, then columns of numbers.
    pub fn table(title: impl Into<String>, heads: &[&str], rows: &[Vec<String>]) -> Section {
        let cell = |tag: &str, column: usize, text: &str| {
            let class = if column == 0 { "" } else { " class=\"number\"" };
            format!("<{tag}{class}>{}</{tag}>", escape(text))
        };
        let heads: String = heads.iter().enumerate().map(|(i, head)| cell("th", i, head)).collect();
        let mut body = format!("<div class=\"scroll\"><table><thead><tr>{heads}</tr></thead><tbody>");
        for row in rows {
            let cells: String = row.iter().enumerate().map(|(i, text)| cell("td", i, text)).collect();
            write(&mut body, format_args!("<tr>{cells}</tr>"));
        }
        Section { title: title.into(), body: body + "</tbody></table></div>" }
    }

    /// The section with another one below, whose title becomes a smaller one.
    pub fn and(mut self, part: Section) -> Section {
        if !part.title.is_empty() {
            write(&mut self.body, format_args!("<h3>{}</h3>", escape(&part.title)));
        }
        self.body += &part.body;
        self
    }

    /// Names and values.
    pub fn pairs(title: impl Into<String>, pairs: &[(String, String)]) -> Section {
        let mut body = String::from("<dl>");
        for (name, value) in pairs {
            // A number stays with its unit.
            let value = escape(value).replace(" %", "\u{a0}%").replace(" × ", "\u{a0}×\u{a0}");
            write(&mut body, format_args!("<div><dt>{}</dt><dd>{value}</dd></div>", escape(name)));
        }
        Section { title: title.into(), body: body + "</dl>" }
    }

    /// Photos by class, and the files that need the user's attention.
    pub fn data(title: impl Into<String>, data: &DataSummary) -> Section {
        let mut body = String::new();
        if !data.classes.is_empty() {
            let has_test = data.classes.iter().any(|class| class.test.is_some());
            let sets = |class: &ClassCount| -> Vec<usize> {
                [class.training, class.validation]
                    .into_iter()
                    .chain(has_test.then(|| class.test.unwrap_or(0)))
                    .collect()
            };
            let cells = |tag: &str, texts: &mut dyn Iterator<Item = String>| -> String {
                texts.map(|text| format!("<{tag} class=\"number\">{text}</{tag}>")).collect()
            };
            let numbers = |counts: Vec<usize>| cells("td", &mut counts.into_iter().map(thousands));
            let heads = ["Training", "Validation", "Test"].into_iter().take(if has_test { 3 } else { 2 });
            let heads = cells("th", &mut heads.map(str::to_owned));
            write(
                &mut body,
                format_args!(
                    "<div class=\"scroll\"><table><thead><tr><th>Class</th>{heads}<th></th></tr></thead><tbody>"
                ),
            );
            let photos = |class: &ClassCount| sets(class).into_iter().sum::<usize>();
            let largest = data.classes.iter().map(photos).max().unwrap_or(0).max(1);
            let (shown, remark) = least(&data.classes, "the fewest photos", |a, b| photos(a).cmp(&photos(b)));
            for class in shown {
                let share = 100.0 * photos(class) as f64 / largest as f64;
                let (name, numbers) = (escape(&class.name), numbers(sets(class)));
                write(&mut body, format_args!("<tr><td>{name}</td>{numbers}<td>{}</td></tr>", bar(share)));
            }
            let mut all = vec![0; if has_test { 3 } else { 2 }];
            data.classes
                .iter()
                .for_each(|class| all.iter_mut().zip(sets(class)).for_each(|(all, n)| *all += n));
            write(
                &mut body,
                format_args!(
                    "</tbody><tfoot><tr><td>All</td>{}<td></td></tr></tfoot></table></div>{remark}",
                    numbers(all)
                ),
            );
        }
        files(&mut body, "Skipped files", "these could not be used", ["File", "Reason"], &data.skipped);
        if !data.doubts.is_empty() {
            let line = |line: &String| format!("<li>{}</li>", escape(line));
            let lines: String = data.doubts.iter().take(SHOWN).map(line).collect();
            write(&mut body, format_args!("<h3>Worth a look</h3><ul class=\"doubts\">{lines}</ul>"));
            more(&mut body, data.doubts.len());
        }
        Section { title: title.into(), body }
    }

    /// Each model's summary.
    pub fn models(title: impl Into<String>, models: &[(String, String)]) -> Section {
        let mut body = String::new();
        for (name, summary) in models {
            // A deep network's table would push everything else off the page.
            let open = if summary.lines().count() <= 60 { " open=\"open\"" } else { "" };
            write(
                &mut body,
                format_args!(
                    "<details{open}><summary>{}</summary><pre>{}</pre></details>",
                    escape(name),
                    escape(summary.trim_end())
                ),
            );
        }
        Section { title: title.into(), body }
    }

    /// Precision, recall, F1 and support of each class.
    pub fn scores(title: impl Into<String>, report: &ClassificationReport) -> Section {
        let row = |scores: &ClassScores| {
            format!(
                "<tr><td>{}</td><td class=\"number\">{:.3}</td><td class=\"number\">{:.3}</td>\
                 <td class=\"number\">{:.3}</td><td>{}</td><td class=\"number\">{}</td></tr>",
                escape(&scores.name),
                scores.precision,
                scores.recall,
                scores.f1,
                bar(100.0 * scores.f1),
                thousands(scores.support)
            )
        };
        let (shown, remark) = least(&report.classes, "the lowest F1", |a, b| {
            // A class without photos has no F1 to speak of.
            (a.support == 0).cmp(&(b.support == 0)).then(a.f1.total_cmp(&b.f1))
        });
        let classes: String = shown.into_iter().map(row).collect();
        let named =
            |scores: &ClassScores, name: &str| row(&ClassScores { name: name.to_owned(), ..scores.clone() });
        let body = format!(
            "<div class=\"scroll\"><table><thead><tr><th>Class</th><th class=\"number\">Precision</th>\
             <th class=\"number\">Recall</th><th class=\"number\">F1</th><th></th><th class=\"number\">Photos</th></tr></thead>\
             <tbody>{classes}</tbody><tfoot>{}{}</tfoot></table></div>{remark}",
            named(&report.macro_average, "Mean of classes"),
            named(&report.weighted_average, "Mean of photos"),
        );
        Section { title: title.into(), body }
    }

    /// Links to files beside the page, each with what is in it.
    pub fn files(title: impl Into<String>, files: &[(String, String)]) -> Section {
        let mut body = String::from("<dl class=\"beside\">");
        for (file, what) in files {
            let (file, what) = (escape(file), escape(what));
            write(
                &mut body,
                format_args!("<div><dt><a href=\"{file}\">{file}</a></dt><dd>{what}</dd></div>"),
            );
        }
        Section { title: title.into(), body: body + "</dl>" }
    }

    /// Thumbnails of wrong answers, with the names of their files.
    ///
    /// # Errors
    /// If a mistake's pixels do not match its size.
    pub fn mistakes(title: impl Into<String>, mistakes: &[Mistake]) -> Result<Section> {
        let thumbnail = |mistake: &Mistake| {
            let address = picture(&mistake.rgb, mistake.width, mistake.height, THUMBNAIL)?;
            let probability = percent(f64::from(mistake.probability));
            let taken = format!("taken for {}, {probability}", mistake.predicted);
            Ok(thumbnail(&address, &mistake.true_class, &[taken], &mistake.file))
        };
        let thumbnails: String = mistakes.iter().map(thumbnail).collect::<Result<_>>()?;
        Ok(Section { title: title.into(), body: format!("<div class=\"thumbnails\">{thumbnails}</div>") })
    }

    /// Thumbnails of photos that models of these names take for different classes.
    ///
    /// # Errors
    /// If a photo's pixels do not match its size.
    pub(super) fn differences(
        title: impl Into<String>,
        names: [&str; 2],
        photos: &[Difference],
    ) -> Result<Section> {
        let thumbnail = |photo: &Difference| {
            let address = picture(&photo.rgb, photo.width, photo.height, THUMBNAIL)?;
            let answer = |i: usize| {
                let (class, probability) = &photo.answers[i];
                format!("{}: {class}, {}", names[i], percent(f64::from(*probability)))
            };
            Ok(thumbnail(&address, &photo.true_class, &[answer(0), answer(1)], &photo.file))
        };
        let thumbnails: String = photos.iter().map(thumbnail).collect::<Result<_>>()?;
        Ok(Section { title: title.into(), body: format!("<div class=\"thumbnails\">{thumbnails}</div>") })
    }
}

/// The longer side of a thumbnail in pixels: twice that on the page, for fine screens.
const THUMBNAIL: u32 = 320;

/// Rows of a table, or lines of a list, that are shown.
const SHOWN: usize = 100;

/// A photo by its address, what it shows, lines about it, and the name of its file.
fn thumbnail(address: &str, truth: &str, lines: &[String], file: &str) -> String {
    let name = Path::new(file).file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let lines: String = lines.iter().map(|line| format!("{}<br/>", escape(line))).collect();
    let truth = escape(truth);
    format!(
        "<figure title=\"{}\"><img src=\"{address}\" alt=\"{truth}\"/><figcaption><strong>{truth}</strong><br/>{lines}\
         <span class=\"name\">{}</span></figcaption></figure>",
        escape(file),
        escape(&name)
    )
}

/// A drawing with what is said of it.
fn captioned(drawing: &str, caption: &str) -> String {
    let caption = match caption {
        "" => String::new(),
        caption => format!("<figcaption>{}</figcaption>", escape(caption)),
    };
    format!("<figure><div class=\"scroll\" tabindex=\"0\">{drawing}</div>{caption}</figure>")
}

/// All classes in their order, or of too many those that come first by `order`, with a paragraph that says so.
fn least<'a, C>(classes: &'a [C], which: &str, order: impl Fn(&C, &C) -> Ordering) -> (Vec<&'a C>, String) {
    let mut shown: Vec<&C> = classes.iter().collect();
    if shown.len() <= SHOWN {
        return (shown, String::new());
    }
    shown.sort_by(|a, b| order(a, b));
    shown.truncate(SHOWN);
    (shown, format!("<p>{SHOWN} of {} classes, those with {which}.</p>", thousands(classes.len())))
}

fn write(text: &mut String, markup: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(markup);
}

fn bar(percent: f64) -> String {
    format!("<span class=\"bar\"><i style=\"width:{:.1}%\"></i></span>", percent.clamp(0.0, 100.0))
}

fn files(body: &mut String, title: &str, remark: &str, heads: [&str; 2], files: &[(String, String)]) {
    const SHOWN: usize = 100;
    if files.is_empty() {
        return;
    }
    write(body, format_args!("<h3>{title} <small>{} · {remark}</small></h3>", thousands(files.len())));
    let [first, second] = heads;
    write(
        body,
        format_args!(
            "<div class=\"scroll\"><table class=\"files\"><thead><tr><th>{first}</th><th>{second}</th></tr></thead><tbody>"
        ),
    );
    for (file, other) in files.iter().take(SHOWN) {
        write(body, format_args!("<tr><td>{}</td><td>{}</td></tr>", escape(file), escape(other)));
    }
    *body += "</tbody></table></div>";
    more(body, files.len());
}

/// Says how many of `all` are not shown, if any.
fn more(body: &mut String, all: usize) {
    if all > SHOWN {
        write(body, format_args!("<p>… and {} more.</p>", thousands(all - SHOWN)));
    }
}
