//! The table as a picture: for each row a bar for each peer, from "as fast as Pontoon" to how many times as long it takes,
//! on a logarithmic scale.

use std::fmt::Write as _;

/// A stretch of rows under a title.
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
}

/// A row, and how many times Pontoon's value each peer's is.
pub struct Row {
    pub title: String,
    pub ours: String,
    pub peers: Vec<(String, f64)>,
}

const WIDTH: f64 = 1000.0;
/// Where the bars may be; before it stand the rows' names, behind it there is room for a label.
const LEFT: f64 = 410.0;
const RIGHT: f64 = 840.0;
const BAR: f64 = 15.0;

/// Colours that are told apart by everybody, on light ground and on dark.
const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .soft { fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .one { stroke: #24292f; stroke-width: 1.5 }
  .slower { fill: #2f6fb3 }
  .faster { fill: #d9822b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .soft { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .one { stroke: #e6edf3 }
    .slower { fill: #6cb0f5 }
    .faster { fill: #f0a35e }
  }
";

/// An SVG of all sections on one scale.
pub fn plot(sections: &[Section], note: &str) -> String {
    let ratios = sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.peers).map(|(_, ratio)| *ratio);
    let powers: Vec<f64> = ratios.filter(|ratio| *ratio > 0.0 && ratio.is_finite()).map(f64::log10).collect();
    let least = powers.iter().copied().fold(-0.5, f64::min).max(-3.0);
    let most = powers.iter().copied().fold(0.5, f64::max).min(4.0);
    let at = |power: f64| LEFT + (power.clamp(least, most) - least) / (most - least) * (RIGHT - LEFT);

    let mut body = String::new();
    let mut y = 58.0;
    for section in sections {
        y += 22.0;
        text(&mut body, 12.0, y, "title", "start", &section.title);
        y += 12.0;
        let top = y;
        let mut bars = String::new();
        for row in &section.rows {
            let middle = y + BAR * row.peers.len() as f64 / 2.0 + 4.0;
            text(&mut bars, 12.0, middle - 6.0, "", "start", &row.title);
            text(&mut bars, 12.0, middle + 8.0, "soft", "start", &format!("Pontoon {}", row.ours));
            // Two lines of text need more room than one bar.
            let lead = if row.peers.len() == 1 { BAR / 2.0 } else { 0.0 };
            for (number, (peer, ratio)) in row.peers.iter().enumerate() {
                let top = y + lead + BAR * number as f64;
                let (one, end) = (at(0.0), at(ratio.log10()));
                let class = if *ratio >= 1.0 { "slower" } else { "faster" };
                let (x, width) = (one.min(end), (end - one).abs().max(1.0));
                let _ = writeln!(
                    bars,
                    r#"<rect class="{class}" x="{x:.1}" y="{:.1}" width="{width:.1}" height="{:.1}" rx="2"/>"#,
                    top + 2.0,
                    BAR - 4.0
                );
                text(&mut bars, one.max(end) + 5.0, top + 11.5, "", "start", &format!("{peer} {}", times(*ratio)));
            }
            y += BAR * row.peers.len() as f64 + 2.0 * lead + 10.0;
        }
        for power in least.ceil() as i32..=most.floor() as i32 {
            let (x, class) = (at(f64::from(power)), if power == 0 { "one" } else { "grid" });
            let _ = writeln!(body, r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="{top:.1}" y2="{y:.1}"/>"#);
            text(&mut body, x, y + 12.0, "soft", "middle", &format!("{} x", 10_f64.powi(power)));
        }
        body += &bars;
        y += 24.0;
    }
    text(&mut body, 12.0, y + 4.0, "soft", "start", note);
    let height = y + 18.0;
    let mut head = String::new();
    text(&mut head, 12.0, 26.0, "title", "start", "How many times as long as Pontoon");
    let legend = "blue, to the right: the peer takes longer; orange, to the left: the peer is ahead. Logarithmic.";
    text(&mut head, 12.0, 46.0, "soft", "start", legend);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         role=\"img\" aria-label=\"How many times as long as Pontoon the peers take\">\n<style>{STYLE}</style>\n{head}{body}</svg>\n"
    )
}

/// A quotient with as many digits as mean something.
fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 100.0 => format!("{ratio:.0} x"),
        ratio if ratio >= 10.0 => format!("{ratio:.1} x"),
        ratio if ratio >= 0.1 => format!("{ratio:.2} x"),
        ratio => format!("{ratio:.4} x"),
    }
}

fn text(out: &mut String, x: f64, y: f64, class: &str, anchor: &str, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(out, r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{escaped}</text>"#);
}
