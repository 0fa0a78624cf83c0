//! The report as a page: one file, no scripts, nothing from elsewhere.

use std::fmt::Write as _;

use base64::Engine as _;
use tamis_core::{Label, Sample};
use tamis_media::Limits;
use tamis_repo::Snapshot;

use super::finding::Finding;
use super::kept::name;
use super::report::CheckReport;
use crate::Engine;
use crate::error::Result;

/// Pixels of the longer side of a picture.
const EDGE: u32 = 240;

const STYLE: &str = "
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 15%,transparent);--dim:color-mix(in srgb,currentColor 62%,transparent)}
body{font:14px/1.45 system-ui,sans-serif;margin:0 auto;max-width:1160px;padding:24px}
h1{font-size:20px;font-weight:600;margin:0 0 4px}h2{font-size:15px;font-weight:600;margin:32px 0 2px}
p{margin:0 0 8px;color:var(--dim)}table{border-collapse:collapse;margin:16px 0;width:100%}
td,th{border-bottom:1px solid var(--line);padding:4px 12px 4px 0;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.error{color:#c62f2f}.warning{color:#9a6700}.note{color:var(--dim)}
@media (prefers-color-scheme:dark){.error{color:#ff7b72}.warning{color:#e3b341}}
.grid{display:flex;flex-wrap:wrap;gap:12px;margin-top:8px}
figure{margin:0;width:240px;font-size:12px;line-height:1.35}figcaption{overflow-wrap:anywhere;color:var(--dim)}
figcaption b{color:CanvasText;font-weight:600}
.pic{position:relative;background:#000;border-radius:2px;overflow:hidden}.pic img{display:block;width:100%}
.pic svg{position:absolute;inset:0;width:100%;height:100%}.pic rect{fill:none;stroke:#ff3b6b;stroke-width:2;vector-effect:non-scaling-stroke}
a{color:inherit}";

/// Text for a page.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Engine {
    /// A report with its examples as HTML.
    pub(crate) fn check_page(&self, snapshot: &Snapshot, report: &CheckReport) -> Result<String> {
        let mut page = String::new();
        let title = plain(&format!("{} at {}", report.dataset, report.commit.get(..12).unwrap_or(&report.commit)));
        let _ = write!(
            page,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>Check of {title}</title><style>{STYLE}</style><body><h1>Check of {title}</h1><p>{} samples, {} errors, \
             {} warnings, {} notes: {}</p><table><tr><th>rule<th>severity<th class=\"n\">found<th>what",
            report.samples,
            report.errors,
            report.warnings,
            report.notes,
            if report.passed { "passed" } else { "failed" },
        );
        for rule in &report.rules {
            let severity = name(rule.severity);
            let _ = write!(
                page,
                "<tr><td><a href=\"#{id}\">{id}</a><td class=\"{severity}\">{severity}<td class=\"n\">{}<td>{}",
                rule.count,
                plain(rule.what),
                id = rule.id,
            );
        }
        page.push_str("</table>");
        for rule in &report.rules {
            let _ =
                write!(page, "<h2 id=\"{}\">{}</h2><p>{}: {} found", rule.id, rule.id, plain(rule.what), rule.count);
            if rule.examples.len() as u64 != rule.count {
                let _ = write!(page, ", the {} surest here", rule.examples.len());
            }
            page.push_str("</p><div class=\"grid\">");
            for finding in &rule.examples {
                self.figure(snapshot, finding, &mut page)?;
            }
            page.push_str("</div>");
        }
        if !report.skipped.is_empty() {
            page.push_str("<h2>Not checked</h2><table>");
            for skipped in &report.skipped {
                let _ = write!(page, "<tr><td>{}<td>{}", plain(&skipped.what), plain(&skipped.why));
            }
            page.push_str("</table>");
        }
        page.push_str("</body></html>\n");
        Ok(page)
    }

    fn figure(&self, snapshot: &Snapshot, finding: &Finding, page: &mut String) -> Result<()> {
        page.push_str("<figure>");
        for (path, is_own) in [(Some(&finding.path), true), (finding.other.as_ref(), false)] {
            let Some(sample) =
                path.filter(|path| !path.is_empty()).map(|path| snapshot.get(path)).transpose()?.flatten()
            else {
                continue;
            };
            let label = finding
                .layer
                .as_ref()
                .filter(|_| is_own)
                .and_then(|layer| sample.layers.get(layer)?.iter().find(|label| Some(label.id) == finding.label));
            self.picture(&sample, label, page);
        }
        let _ = write!(
            page,
            "<figcaption><b>{}</b>",
            plain(if finding.path.is_empty() { "dataset" } else { &finding.path })
        );
        if let Some(class) = finding.label {
            let _ = write!(page, " label {class}");
        }
        let _ = write!(page, "<br>{}", plain(&finding.message));
        if let Some(score) = finding.score {
            let _ = write!(page, " (score {score:.3})");
        }
        page.push_str("</figcaption></figure>");
        Ok(())
    }

    /// A small picture with the outline of a label; nothing where there is none.
    fn picture(&self, sample: &Sample, label: Option<&Label>, page: &mut String) {
        let Some(media) = &sample.media else { return };
        let Ok(bytes) = self.media_bytes(&sample.path, Some(media)) else { return };
        let Ok(small) = tamis_media::thumbnail(&bytes, EDGE, &Limits::default()) else { return };
        let data = base64::engine::general_purpose::STANDARD.encode(&small.bytes);
        let _ = write!(page, "<div class=\"pic\"><img alt=\"\" src=\"data:{};base64,{data}\">", small.mime);
        let size = media.width.zip(media.height);
        if let (Some((width, height)), Some(bounds)) = (size, label.and_then(Label::bounds)) {
            let _ = write!(
                page,
                "<svg viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\"><rect x=\"{}\" y=\"{}\" width=\"{}\" \
                 height=\"{}\"/></svg>",
                bounds.xmin,
                bounds.ymin,
                (bounds.xmax - bounds.xmin).abs(),
                (bounds.ymax - bounds.ymin).abs(),
            );
        }
        page.push_str("</div>");
    }
}
