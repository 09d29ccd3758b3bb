use super::Section;
use crate::plot::{base64, escape};

/// A whole HTML page: heading, large numbers, sections. Everything that it shows is inside it.
///
/// `created` stands below the heading; `highlights` are (name, value).
pub fn page(title: &str, created: &str, highlights: &[(String, String)], sections: &[Section]) -> String {
    let numbers: String = highlights
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)))
        .collect();
    let numbers =
        if numbers.is_empty() { numbers } else { format!("<dl class=\"highlights\">{numbers}</dl>") };
    let sections: String = sections
        .iter()
        .map(|section| {
            format!("<section>\n<h2>{}</h2>\n{}\n</section>\n", escape(&section.title), section.body)
        })
        .collect();
    let title = escape(title);
    let created = escape(created);
    document(
        &title,
        "",
        "",
        &format!(
            "<main>\n<header>\n<h1>{title}</h1>\n<p>{created}</p>\n{numbers}\n</header>\n{sections}</main>\n"
        ),
    )
}

/// A page in the style of all, with this HTML as its title and body. `more_policy` and `more_style` are what it has besides:
/// no script runs unless the policy allows it.
pub(crate) fn document(title: &str, more_policy: &str, more_style: &str, body: &str) -> String {
    let policy = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'";
    let (regular, bold) = (font(400, REGULAR), font(600, SEMI_BOLD));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}{more_policy}\">\n\
         <title>{title}</title>\n<style>\n{regular}{bold}{STYLE}{more_style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

const STYLE: &str = include_str!("style.css");
const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.woff2");
const SEMI_BOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.woff2");

fn font(weight: u16, bytes: &[u8]) -> String {
    format!(
        "@font-face {{ font-family: Inter; font-weight: {weight}; src: url(data:font/woff2;base64,{}) format('woff2'); }}\n",
        base64(bytes)
    )
}
