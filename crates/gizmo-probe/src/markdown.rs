//! The report as Markdown, contradictions first.

use std::fmt::Write;

use crate::report::{Assessed, Report};
use crate::responses::{New, TypeDifference};
use crate::tally::Verdict;

/// Writes a report.
pub(crate) fn write(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = document(report, &mut text);
    text
}

fn document(report: &Report, text: &mut String) -> std::fmt::Result {
    let count = |verdict| report.with(verdict).len();
    writeln!(text, "# Probe of the Gizmo API\n")?;
    writeln!(
        text,
        "{} exchanges, {} of them paid, recorded by {}. Of {} assumptions {} are contradicted, {} are confirmed, \
         and {} were not seen. Exchange N is the file of the recording that begins with N.\n",
        report.exchanges,
        report.paid,
        report.client,
        report.assumptions.len(),
        count(Verdict::Contradicted),
        count(Verdict::Confirmed),
        count(Verdict::NotSeen),
    )?;
    writeln!(text, "## Contradictions\n")?;
    if !report.contradicts() {
        writeln!(text, "None.\n")?;
    }
    for assessed in report.contradicted() {
        contradiction(assessed, text)?;
    }
    let responses = &report.responses;
    table(
        "Responses that their types cannot decode",
        &responses.undecodable,
        text,
    )?;
    table("Words that an enum does not list", &responses.words, text)?;
    table(
        "Members that a type does not have",
        &responses.members,
        text,
    )?;
    names("Events of no known vocabulary", &responses.events, text)?;
    names("Unknown response headers", &responses.headers, text)?;
    if !responses.never_present.is_empty() {
        writeln!(text, "## Members that no response had\n")?;
        writeln!(
            text,
            "| member | objects | defined in |\n| --- | --- | --- |"
        )?;
        for never in &responses.never_present {
            let name = cell(&format!("`{}.{}`", never.schema, never.member));
            writeln!(text, "| {name} | {} | {} |", never.objects, never.place)?;
        }
        writeln!(text)?;
    }
    if !report.behaviour.is_empty() {
        writeln!(text, "## What the documentation leaves open\n")?;
        writeln!(text, "| operation | what | how |\n| --- | --- | --- |")?;
        for one in &report.behaviour {
            writeln!(
                text,
                "| {} | {} | {} |",
                one.operation,
                one.what,
                cell(&one.how)
            )?;
        }
        writeln!(text)?;
    }
    writeln!(text, "## The document\n")?;
    match &report.document {
        None => writeln!(text, "It was not served.\n")?,
        Some(refresh) => {
            for warning in &refresh.warnings {
                writeln!(text, "- warning: {}", one_line(warning))?;
            }
            for left_out in &refresh.left_out {
                writeln!(text, "- left out: {}", one_line(left_out))?;
            }
            if !refresh.warnings.is_empty() || !refresh.left_out.is_empty() {
                writeln!(text)?;
            }
            writeln!(text, "{}\n", refresh.changes.trim())?;
        }
    }
    assumptions(report, text)?;
    measurements(report, text)
}

fn assumptions(report: &Report, text: &mut String) -> std::fmt::Result {
    writeln!(text, "## Assumptions\n")?;
    writeln!(
        text,
        "| assumption | evidence | verdict |\n| --- | --- | --- |"
    )?;
    for assessed in &report.assumptions {
        let verdict = match assessed.verdict {
            Verdict::NotSeen if !assessed.has_check => {
                "not seen (no request can show it)".to_owned()
            }
            verdict => verdict.words().to_owned(),
        };
        let name = cell(&format!("`{}`: {}", assessed.id, assessed.statement));
        writeln!(text, "| {name} | {} | {verdict} |", assessed.evidence)?;
    }
    writeln!(text)
}

fn measurements(report: &Report, text: &mut String) -> std::fmt::Result {
    writeln!(text, "## Measurements\n")?;
    writeln!(text, "These differ from one run to the next.\n")?;
    writeln!(text, "| what | value |\n| --- | --- |")?;
    for measured in &report.measurements {
        writeln!(
            text,
            "| {} | {} |",
            cell(&measured.what),
            cell(&measured.value)
        )?;
    }
    Ok(())
}

fn contradiction(assessed: &Assessed, text: &mut String) -> std::fmt::Result {
    writeln!(text, "### `{}` ({})\n", assessed.id, assessed.evidence)?;
    writeln!(text, "{}\n", assessed.statement)?;
    for sighting in &assessed.sightings {
        let place = match sighting.place.as_str() {
            "" => "the response".to_owned(),
            place => format!("`{}`", one_line(place)),
        };
        writeln!(
            text,
            "- {}, {place}: {} (exchange {})",
            sighting.request,
            one_line(&sighting.found),
            sighting.exchange
        )?;
    }
    let more = assessed.contradictions - assessed.sightings.len().min(assessed.contradictions);
    if more > 0 {
        writeln!(text, "- and {more} more, or the same again")?;
    }
    writeln!(text, "\nRelied on in: {}\n", assessed.code.join(", "))
}

fn table(title: &str, differences: &[TypeDifference], text: &mut String) -> std::fmt::Result {
    if differences.is_empty() {
        return Ok(());
    }
    writeln!(text, "## {title}\n")?;
    writeln!(
        text,
        "| operation | place | expected | found | count | exchange | type |\n| --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for one in differences {
        writeln!(
            text,
            "| {} | `{}` | {} | {} | {} | {} | {} |",
            one.operation,
            cell(&one.pointer),
            cell(&one.expected),
            cell(&one.found),
            one.count,
            one.exchange,
            one.place
        )?;
    }
    writeln!(text)
}

fn names(title: &str, names: &[New], text: &mut String) -> std::fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(text, "## {title}\n")?;
    writeln!(text, "| name | count | exchange |\n| --- | --- | --- |")?;
    for new in names {
        writeln!(
            text,
            "| `{}` | {} | {} |",
            cell(&new.name),
            new.count,
            new.exchange
        )?;
    }
    writeln!(text)
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        line.push(if letter.is_control() { ' ' } else { letter });
    }
    line
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}
