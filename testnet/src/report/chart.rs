//! One lab's compute against the cap: a small SVG on axes that all labs share.
//!
//! Up: FLOP, logarithmic. Right: time, with a line at the edge of each reporting period. A claim is a bar from its lower to
//! its upper bound with a dot on it, at the moment it was issued; the run's line goes up only where a claim says so. The cap
//! is a step, never interpolated. A period without a report is a hollow diamond on the floor, which no report of zero is.
//!
//! Plotters draws in fixed colours; [`themed`] turns each into a variable of the page, so that the picture follows the
//! reader's light or dark setting.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Flop;

use super::{Claim, Story, seconds};

const WIDTH: u32 = 470;
const HEIGHT: u32 = 270;

/// Colours as plotters knows them, and the page's names for them.
const THEME: &[(RGBColor, &str)] = &[
    (INK, "--ink"),
    (FAINT, "--faint"),
    (RULE, "--rule"),
    (RUN, "--run"),
    (CAP, "--violated"),
    (MISSING, "--undecided"),
];
const INK: RGBColor = RGBColor(1, 1, 1);
const FAINT: RGBColor = RGBColor(2, 2, 2);
const RULE: RGBColor = RGBColor(3, 3, 3);
const RUN: RGBColor = RGBColor(4, 4, 4);
const CAP: RGBColor = RGBColor(5, 5, 5);
const MISSING: RGBColor = RGBColor(6, 6, 6);

type Failure = Box<dyn std::error::Error>;

/// The axes that every lab's picture shares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    last_second: f64,
    floor: f64,
    ceiling: f64,
}

impl Axes {
    pub(super) fn of(story: &Story) -> Self {
        let genesis = story.treaty.genesis;
        let claims = story.claims.iter().filter(|claim| trained(claim)).map(|claim| flop(claim.cumulative.upper));
        let caps = story.caps.iter().filter_map(|step| step.cap.map(flop));
        let figures: Vec<f64> = claims.chain(caps).filter(|figure| *figure > 0.0).collect();
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(1.0, f64::max);
        let last = story.periods.last().map_or(1.0, |period| seconds(genesis, period.due));
        let [floor, ceiling] =
            [least.min(most).log10().floor(), (most * 1.2).log10().ceil()].map(|power| 10f64.powf(power));
        Axes { last_second: last.max(1.0), floor, ceiling }
    }
}

/// The SVG of one lab, or the reason why plotters could not draw it.
pub(super) fn compute(story: &Story, lab: &MemberId, axes: Axes) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(26)
            .y_label_area_size(44)
            .build_cartesian_2d(0.0..axes.last_second, (axes.floor..axes.ceiling).log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .y_labels(3)
            .light_line_style(RULE.mix(0.0))
            .bold_line_style(RULE)
            .axis_style(RULE)
            .y_label_style(("sans-serif", 12, &FAINT))
            .y_label_formatter(&|value| power_of_ten(*value))
            .draw()?;
        periods(&mut chart, story, axes)?;
        cap(&mut chart, story, axes)?;
        run(&mut chart, story, lab)?;
        idle(&mut chart, story, lab, axes)?;
        silences(&mut chart, story, lab, axes)?;
        root.present()?;
    }
    Ok(themed(&svg))
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::combinators::LogCoord<f64>>,
>;

fn periods(chart: &mut Chart<'_, '_>, story: &Story, axes: Axes) -> Result<(), Failure> {
    let genesis = story.treaty.genesis;
    let style = ("sans-serif", 12).into_font().color(&FAINT).pos(Pos::new(HPos::Center, VPos::Bottom));
    for period in &story.periods {
        let (start, end) = (seconds(genesis, period.start), seconds(genesis, period.end));
        let edges = [start, end].map(|at| PathElement::new(vec![(at, axes.floor), (at, axes.ceiling)], RULE));
        chart.draw_series(edges)?;
        let label = EmptyElement::at(((start + end) / 2.0, axes.floor))
            + Text::new(format!("period {}", period.index), (0, 20), style.clone());
        chart.draw_series(std::iter::once(label))?;
    }
    Ok(())
}

fn cap(chart: &mut Chart<'_, '_>, story: &Story, axes: Axes) -> Result<(), Failure> {
    let ends = story.caps.iter().skip(1).map(|step| seconds(story.treaty.genesis, step.at));
    let ends = ends.chain(std::iter::once(axes.last_second));
    for (step, end) in story.caps.iter().zip(ends) {
        let Some(cap) = step.cap else { continue };
        let (from, level) = (seconds(story.treaty.genesis, step.at), flop(cap));
        let drop = PathElement::new(vec![(from, axes.ceiling), (from, level)], CAP.mix(0.5).stroke_width(1));
        chart.draw_series(std::iter::once(drop))?;
        chart.draw_series(LineSeries::new([(from, level), (end, level)], CAP.stroke_width(2)))?;
        let style = ("sans-serif", 12).into_font().color(&CAP).pos(Pos::new(HPos::Right, VPos::Bottom));
        let label = EmptyElement::at((end, level)) + Text::new(format!("cap {}", cap.scientific()), (-2, -4), style);
        chart.draw_series(std::iter::once(label))?;
    }
    Ok(())
}

fn run(chart: &mut Chart<'_, '_>, story: &Story, lab: &MemberId) -> Result<(), Failure> {
    let mut claims: Vec<&Claim> = story.claims.iter().filter(|claim| claim.lab == *lab && trained(claim)).collect();
    claims.sort_by_key(|claim| claim.at);
    let at = |claim: &Claim| seconds(story.treaty.genesis, claim.at);
    let mut steps = Vec::new();
    for claim in &claims {
        let level = flop(claim.cumulative.lower);
        if let Some((_, before)) = steps.last().copied() {
            steps.push((at(claim), before));
        }
        steps.push((at(claim), level));
    }
    chart.draw_series(LineSeries::new(steps, RUN.stroke_width(2)))?;
    let bars = claims.iter().map(|claim| {
        let ends = [claim.cumulative.lower, claim.cumulative.upper].map(|bound| (at(claim), flop(bound)));
        PathElement::new(ends.to_vec(), RUN.stroke_width(5))
    });
    chart.draw_series(bars)?;
    let colour = |claim: &Claim| if above(story, claim) { CAP } else { RUN };
    let dots =
        claims.iter().map(|claim| Circle::new((at(claim), flop(claim.cumulative.lower)), 5, colour(claim).filled()));
    chart.draw_series(dots)?;
    Ok(())
}

/// Whether the run's lower bound is above the cap of that moment.
fn above(story: &Story, claim: &Claim) -> bool {
    let in_force = story.caps.iter().rev().find(|step| step.at <= claim.at).and_then(|step| step.cap);
    in_force.is_some_and(|cap| claim.cumulative.lower > cap)
}

/// A report of zero is no point of a run: logarithms have no place for it, and it is drawn on the floor.
fn trained(claim: &Claim) -> bool {
    claim.cumulative.upper > Flop(0)
}

fn idle(chart: &mut Chart<'_, '_>, story: &Story, lab: &MemberId, axes: Axes) -> Result<(), Failure> {
    let style = ("sans-serif", 12).into_font().color(&FAINT).pos(Pos::new(HPos::Center, VPos::Bottom));
    for claim in story.claims.iter().filter(|claim| claim.lab == *lab && !trained(claim)) {
        let at = (seconds(story.treaty.genesis, claim.at), axes.floor);
        let ring = EmptyElement::at(at)
            + Circle::new((0, -15), 5, RUN.stroke_width(2))
            + Text::new("0 reported", (0, -26), style.clone());
        chart.draw_series(std::iter::once(ring))?;
    }
    Ok(())
}

fn silences(chart: &mut Chart<'_, '_>, story: &Story, lab: &MemberId, axes: Axes) -> Result<(), Failure> {
    let style = ("sans-serif", 12).into_font().color(&MISSING).pos(Pos::new(HPos::Center, VPos::Bottom));
    for period in &story.periods {
        if story.claims.iter().any(|claim| claim.lab == *lab && claim.period == period.index) {
            continue;
        }
        let middle = (seconds(story.treaty.genesis, period.start) + seconds(story.treaty.genesis, period.end)) / 2.0;
        let hollow = EmptyElement::at((middle, axes.floor))
            + Polygon::new(vec![(0, -22), (7, -15), (0, -8), (-7, -15)], MISSING.mix(0.25))
            + PathElement::new(vec![(0, -22), (7, -15), (0, -8), (-7, -15), (0, -22)], MISSING.stroke_width(2))
            + Text::new("no report", (0, -28), style.clone());
        chart.draw_series(std::iter::once(hollow))?;
    }
    Ok(())
}

/// Only for the height of a dot: no decision is made from it.
fn flop(value: Flop) -> f64 {
    (value.0 as f64).max(1.0)
}

fn power_of_ten(value: f64) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let exponent = value.log10().round() as u32;
    let digits = exponent.to_string();
    let raised = digits.bytes().filter_map(|digit| RAISED.get(usize::from(digit - b'0')));
    format!("10{}", raised.collect::<String>())
}

/// Replaces each fixed colour by the page's variable for it.
fn themed(svg: &str) -> String {
    let mut svg = svg.to_owned();
    for (RGBColor(red, green, blue), name) in THEME {
        let colour = format!("#{red:02X}{green:02X}{blue:02X}");
        for attribute in ["fill", "stroke"] {
            svg = svg.replace(&format!("{attribute}=\"{colour}\""), &format!("style=\"{attribute}:var({name})\""));
        }
    }
    svg
}
